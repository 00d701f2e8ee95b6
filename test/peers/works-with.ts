import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Test } from 'tap'

export const PAGE = resolve(import.meta.dirname, '../../docs/works-with.md')

/** What a run has shown of a peer: a row of docs/works-with.md. */
export interface Shown {
  readonly peer: string
  readonly version: string
  /** What it takes beside the addresses and credentials. */
  readonly settings: string
  /** When it learns that an account was deleted. */
  readonly deletion: string
  /** What it does when a new key signs. */
  readonly rotation: string
}

const COLUMNS = ['peer', 'version', 'settings', 'deletion', 'rotation'] as const
export const HEADINGS = ['peer', 'version', 'settings', 'a deleted account is refused', 'a new key signs']

/** Writes the row of a peer once its test has passed. Rows of peers that are not here stay as they are. */
export function worksWith(t: Test, shown: Shown): void {
  t.teardown(() => {
    if (!t.passing()) return
    const text = readFileSync(PAGE, 'utf8')
    const rows = rowsOf(text).filter(([peer]) => peer !== shown.peer)
    rows.push(COLUMNS.map((column) => shown[column]))
    rows.sort(([a = ''], [b = '']) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
    const written = `${text.slice(0, text.indexOf('\n|') + 1)}${table(rows)}`
    if (written !== text) writeFileSync(PAGE, written)
  })
}

export function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => (row[i] || 'none').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] || 'none').padEnd(width)).join(' | ')} |\n`
  return line(HEADINGS) + line(widths.map((width) => '-'.repeat(width))) + rows.map(line).join('')
}
