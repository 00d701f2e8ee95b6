import { type Html, html } from './html.ts'

const WORDS = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

const UNITS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** Relative and exact time. Script shows the exact one in the browser's time zone. */
export function when(date: Date | undefined, now: Date, never = 'Never'): Html {
  if (!date) return html`<span class="muted">${never}</span>`
  return html`${ago(date, now)} <span class="exact">${exact(date)}</span>`
}

/** Relative time, with the exact time on hover and for programs: for a text that has it already, or needs none. */
export function ago(date: Date, now: Date): Html {
  return html`<time datetime="${date.toISOString()}" title="${exact(date)}">${relative(date, now)}</time>`
}

/** UTC to the second. */
export function exact(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function relative(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1000
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  if (unit === 'second') return seconds > 0 ? 'in less than a minute' : 'just now'
  // Rounds the past down and the future to the nearest unit.
  return WORDS.format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit)
}
