import { keptSince, PERIOD_SECONDS, type Period, startOf, type TokenCount } from '../../domain/activity.ts'
import { type Html, html } from './html.ts'

/** Units of the drawing; it is stretched to the width of its card. */
const WIDTH = 1000
const HEIGHT = 100
const LEAST = 1.5

const PERIOD_NAMES = { hour: ['an hour', '7 days'], day: ['a day', '90 days'] } as const

/** Tokens issued, upwards, and requests refused, downwards: as a picture, and as a table. */
export function activityChart(period: Period, counts: readonly TokenCount[], now: Date): Html {
  const [each, kept] = PERIOD_NAMES[period]
  const shown = counts.filter(({ startsAt }) => startsAt >= keptSince(period, now) && startsAt <= now)
  const issued = sum(shown.map((count) => count.issued))
  const refused = sum(shown.map((count) => count.refused))
  const words = `Tokens ${each}, for ${kept}: ${issued.toLocaleString('en')} issued, ${refused.toLocaleString('en')} refused`
  const id = `chart-${period}`
  return html`<section class="card chart" aria-labelledby="${id}"><h2 id="${id}">Tokens ${each}, for ${kept}</h2>
<p class="legend"><span class="issued">${issued.toLocaleString('en')} issued</span> <span class="refused">${refused.toLocaleString('en')} refused</span></p>
${shown.length === 0 ? html`<p class="muted">No request in this time.</p>` : html`${picture(period, shown, now, words)}${table(period, shown)}`}</section>`
}

function picture(period: Period, counts: readonly TokenCount[], now: Date, words: string): Html {
  const first = keptSince(period, now).getTime()
  const step = PERIOD_SECONDS[period] * 1000
  const places = (startOf(period, now).getTime() - first) / step + 1
  const up = Math.max(1, ...counts.map(({ issued }) => issued))
  const down = Math.max(...counts.map(({ refused }) => refused))
  const unit = HEIGHT / (up + down)
  const zero = round(up * unit)
  const wide = WIDTH / places
  const high = (count: number) => round(count === 0 ? 0 : Math.max(LEAST, count * unit))
  const bar = ({ startsAt, issued, refused }: TokenCount) => {
    const x = round(((startsAt.getTime() - first) / step) * wide)
    const rect = (name: string, y: number, height: number) =>
      height > 0 &&
      html`<rect class="${name}" x="${x}" y="${y}" width="${round(wide * 0.8)}" height="${height}"/>`
    return html`<g><title>${timeOf(period, startsAt)}: ${issued} issued, ${refused} refused</title>${rect('issued', round(zero - high(issued)), high(issued))}${rect('refused', zero, high(refused))}</g>`
  }
  return html`<div class="plot"><p class="most muted">${up.toLocaleString('en')}</p>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${words}">${counts.map(bar)}<rect class="axis" x="0" y="${round(Math.min(zero, HEIGHT - 0.5))}" width="${WIDTH}" height="0.5"/></svg>
<p class="ends muted"><span>${timeOf(period, new Date(first))}</span><span>${timeOf(period, now)}</span></p></div>`
}

function table(period: Period, counts: readonly TokenCount[]): Html {
  return html`<details><summary>As a table</summary><table class="counts"><thead><tr><th>${period === 'hour' ? 'Hour' : 'Day'} (UTC)</th><th>Issued</th><th>Refused</th></tr></thead>
<tbody>${counts
    .toReversed()
    .map(
      ({ startsAt, issued, refused }) =>
        html`<tr><td>${timeOf(period, startsAt)}</td><td>${issued.toLocaleString('en')}</td><td>${refused.toLocaleString('en')}</td></tr>`,
    )}</tbody></table></details>`
}

function timeOf(period: Period, time: Date): string {
  const text = startOf(period, time).toISOString()
  return period === 'hour' ? text.slice(0, 16).replace('T', ' ') : text.slice(0, 10)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

function round(size: number): number {
  return Math.round(size * 100) / 100
}
