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

/** How long ago, or how long until; the exact time is on hover, and there for machines. */
export function when(date: Date | undefined, now: Date, never = 'Never'): Html {
  if (!date) return html`<span class="muted">${never}</span>`
  return html`<time datetime="${date.toISOString()}" title="${exact(date)}">${relative(date, now)}</time>`
}

/** To the second, in UTC. */
export function exact(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function relative(date: Date, now: Date): string {
  const seconds = (date.getTime() - now.getTime()) / 1000
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1]
  if (unit === 'second') return seconds > 0 ? 'in less than a minute' : 'just now'
  // What is past is at least so long ago; what is to come is about so far away.
  return WORDS.format(seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size), unit)
}
