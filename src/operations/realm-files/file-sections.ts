import { LIST_NAMES, type ListName } from './realm-file-schema.ts'

/** An entry of a list, as it stands in the text. */
export interface Entry {
  /** Number of its first line, from 1. */
  readonly line: number
  readonly text: string
}

/** A document whose long lists are taken apart, so that each entry can be read by itself. */
export interface Sections {
  readonly firstLine: number
  /** The document with these lists empty, line for line. */
  readonly rest: string
  readonly lists: ReadonlyMap<ListName, readonly Entry[]>
}

const HEAD = new RegExp(`^(${LIST_NAMES.join('|')}):[ \\t]*(?:#.*)?$`)

/** The documents of a text; those that have comments alone are none. */
export function documentsOf(text: string): Sections[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const found: Sections[] = []
  let start = 0
  for (let at = 0; at <= lines.length; at++) {
    const line = lines[at]
    if (line !== undefined && !/^(?:---|\.\.\.)(?:[ \t]|$)/.test(line)) continue
    const own = lines.slice(start, at)
    if (own.some((one) => isSignificant(one) && !/^(?:%|---[ \t]*$)/.test(one)))
      found.push(takeApart(own, start + 1))
    // Text after the dashes belongs to the document that they begin.
    if (line?.startsWith('---')) lines[at] = line.replace(/^---/, '   ')
    start = line?.startsWith('---') ? at : at + 1
  }
  return found
}

function isSignificant(line: string): boolean {
  return !/^\s*(?:#|$)/.test(line)
}

function takeApart(lines: readonly string[], firstLine: number): Sections {
  const rest = [...lines]
  const lists = new Map<ListName, readonly Entry[]>()
  for (let at = 0; at < lines.length; at++) {
    const name = HEAD.exec(lines[at] as string)?.[1] as ListName | undefined
    // A second list of that name stays in the rest, where it is a fault.
    if (name === undefined || lists.has(name)) continue
    const section = entriesAfter(lines, at + 1)
    if (!section) continue
    const shifted = section.entries.map(({ line, text }) => ({ line: line + firstLine, text }))
    lists.set(name, shifted)
    rest[at] = `${name}: []`
    rest.fill('', at + 1, section.end)
    at = section.end - 1
  }
  return { firstLine, rest: rest.join('\n'), lists }
}

/** Entries of a block sequence, with lines from 0; `undefined`: it is something else, or too odd to take apart. */
function entriesAfter(
  lines: readonly string[],
  start: number,
): { readonly entries: readonly Entry[]; readonly end: number } | undefined {
  const first = lines.slice(start).find(isSignificant)
  const [, indentation] = /^( *)-(?: |$)/.exec(first ?? '') ?? []
  if (indentation === undefined) return undefined
  const column = indentation.length
  const starts: number[] = []
  let end = start
  for (; end < lines.length; end++) {
    const line = lines[end] as string
    if (!isSignificant(line)) continue
    const own = line.search(/[^ ]/)
    const isEntry = own === column && /^ *-(?: |$)/.test(line)
    if (isEntry) starts.push(end)
    else if (own === 0) break
    else if (own <= column) return undefined
  }
  const entries = starts.map((line, n) => ({
    line,
    text: lines.slice(line, starts[n + 1] ?? end).join('\n'),
  }))
  return { entries, end }
}
