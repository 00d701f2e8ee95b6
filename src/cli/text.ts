import type { CustomClaim } from '../domain/custom-claim.ts'
import { cellsOf, pad, printable, Table } from './table.ts'

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): Table {
  return new Table(heads, rows)
}

/** One object, a line per member; members without a value are left out. */
export function fields(members: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== '')
  const width = Math.max(...given.map(([name]) => cellsOf(name)))
  return given.map(([name, value]) => `${pad(name, width)}  ${printable(String(value))}`).join('\n')
}

const BAR_WIDTH = 30

/** How much of a work is done, on a line. */
export function progressBar(what: string, done: number, all: number): string {
  const filled = all === 0 ? BAR_WIDTH : Math.round((BAR_WIDTH * done) / all)
  return `${what} [${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${done}/${all}`
}

/** UTC to the second, as in the logs. */
export function time(date: Date | undefined): string {
  return date ? `${date.toISOString().slice(0, 19)}Z` : ''
}

/** Custom claims, as options would say them. */
export function claimsText(claims: readonly CustomClaim[]): string {
  return claims.map(claimText).join(' ')
}

function claimText(one: CustomClaim): string {
  if (one.from === undefined && !one.audiences)
    return typeof one.value === 'string'
      ? `${one.claim}=${one.value}`
      : `${one.claim}:=${JSON.stringify(one.value)}`
  const { claim, ...rest } = one
  return Object.keys(rest).length === 1 ? `${claim}@=${one.from}` : JSON.stringify(one)
}

export function pairsText(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
}
