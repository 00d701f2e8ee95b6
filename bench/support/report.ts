import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine } from './machine.ts'
import type { Spread } from './measure.ts'

/** A target and the measured value. */
export interface Target {
  readonly what: string
  readonly wanted: `${'≤' | '≥'} ${number}`
  readonly found: Spread
}

export interface Report {
  readonly title: string
  /** How it was measured, where the command does not say it. */
  readonly notes?: readonly string[]
  readonly targets?: readonly Target[]
  /** The first row is the heading. */
  readonly table?: readonly (readonly string[])[]
}

export const exactly = (value: number): Spread => ({ median: value, min: value, max: value })

export function show({ median, min, max }: Spread, digits = 2): string {
  const text = (value: number) => value.toFixed(digits)
  return min === max ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`
}

export function isMet({ wanted, found }: Target): boolean {
  const [sign, bound] = wanted.split(' ')
  return sign === '≤' ? found.median <= Number(bound) : found.median >= Number(bound)
}

export function toMarkdown({ title, notes = [], targets = [], table = [] }: Report): string {
  const verdicts = targets.map((target) => [
    target.what,
    target.wanted,
    show(target.found),
    isMet(target) ? 'met' : 'missed',
  ])
  const tables = [verdicts.length > 0 ? [['target', 'wanted', 'found', ''], ...verdicts] : [], table].filter(
    (rows) => rows.length > 0,
  )
  return [title, ...notes, ...tables.map(toTable)].join('\n\n')
}

function toTable([heading = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}

const RESULTS = join(import.meta.dirname, '../RESULTS.md')
const HEADING = `# Results

Written by \`npm run bench\`; each part by its own command, on the day and machine that it names. Ratios are taken
within one run, round by round: the median, and in brackets the smallest and the largest.
`

/** Replaces the section of one bench in RESULTS.md. */
export function writeResults(name: string, command: string, markdown: string): void {
  const [, ...parts] = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8').split(/^(?=## )/m) : ['']
  const when = `${new Date().toISOString().slice(0, 10)}, \`${command}\`. ${describeMachine()}.`
  const part = `## ${name}\n\n${markdown}\n\n${when}\n\n`
  const others = parts.filter((other) => !other.startsWith(`## ${name}\n`))
  const all = [...others.map((other) => `${other.trimEnd()}\n\n`), part].sort()
  writeFileSync(RESULTS, `${[HEADING, ...all].join('\n').trimEnd()}\n`)
}
