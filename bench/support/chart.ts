import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Spread } from './measure.ts'

export interface Bar {
  readonly name: string
  readonly value: Spread
  /** How many times the first bar, as the report says it. */
  readonly times: number
}

const FILE = join(import.meta.dirname, '../../docs/images/comparison.svg')
const [WIDTH, ROW, LABEL, FIGURE] = [720, 34, 150, 150]

/** Draws bars on one scale that starts at zero, each with its figure and range. */
export function writeChart(title: string, unit: string, bars: readonly Bar[]): void {
  const longest = Math.max(...bars.map(({ value }) => value.max))
  const scale = (WIDTH - LABEL - FIGURE) / longest
  const rows = bars.map(({ name, value: { median, min, max }, times }, i) => {
    const y = 44 + i * ROW
    const x = (value: number) => (LABEL + value * scale).toFixed(1)
    const middle = y + 10
    const figure = `${median.toFixed(0)} ${unit}, ${times.toFixed(times < 10 ? 1 : 0)} ×`
    return [
      `<text x="${LABEL - 10}" y="${y + 15}" text-anchor="end">${xml(name)}</text>`,
      `<rect class="${i === 0 ? 'first' : 'other'}" x="${LABEL}" y="${y}" width="${(median * scale).toFixed(1)}" height="20" rx="2"/>`,
      `<path class="range" d="M${x(min)} ${middle}H${x(max)}"/>`,
      `<text x="${(Number(x(max)) + 8).toFixed(1)}" y="${y + 15}">${xml(figure)}</text>`,
    ].join('')
  })
  const height = 44 + bars.length * ROW
  const words = bars.map(({ name, value }) => `${name} ${value.median.toFixed(0)} ${unit}`).join(', ')
  writeFileSync(
    FILE,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t d">
<title id="t">${xml(title)}</title><desc id="d">${xml(words)}</desc>
<style>text{font:14px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.first{fill:#1a7f64}.other{fill:#8c959f}.range{stroke:#1f2328;opacity:.6}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.first{fill:#3fb68b}.other{fill:#6e7681}.range{stroke:#e6edf3}}</style>
<text class="title" x="10" y="22">${xml(title)}</text>
${rows.join('\n')}
</svg>
`,
  )
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
