import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { FilePath } from '../../domain/realm-file-fault.ts'

/** A text as one YAML document. */
export interface ParsedYaml {
  /** `undefined`: the text has faults. */
  readonly value: unknown
  readonly faults: readonly { readonly line: number; readonly detail: string }[]
  /** Line of a value, or of what is nearest to it. */
  lineOf(path: FilePath): number
}

/** References to one anchor: more could grow a small text without bound. */
const MAX_ALIASES = 100

/** Told of one text: one fault often makes many. */
const MAX_FAULTS = 3

const TOO_DEEP = 'It is nested too deeply.'

/** Plain YAML 1.2: no tags of other types, no merge keys, no key twice. */
const OPTIONS = {
  schema: 'core',
  merge: false,
  resolveKnownTags: false,
  uniqueKeys: true,
  stringKeys: true,
  strict: true,
  prettyErrors: false,
  logLevel: 'silent',
} as const

/** @param firstLine number of the text's first line, from 1 */
export function parseYaml(text: string, firstLine: number): ParsedYaml {
  const lineCounter = new LineCounter()
  const lineAt = (offset: number) => Math.max(1, lineCounter.linePos(offset).line) + firstLine - 1
  const failed = (detail: string): ParsedYaml => ({
    value: undefined,
    faults: [{ line: firstLine, detail }],
    lineOf: () => firstLine,
  })
  try {
    const document = parseDocument(text, { ...OPTIONS, lineCounter })
    const found = [...document.errors, ...document.warnings].slice(0, MAX_FAULTS)
    const faults = found.map(({ pos: [start], code, message }) => ({
      line: lineAt(start),
      detail: code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : (message.split('\n')[0] as string),
    }))
    visit(document, {
      Alias(_key, alias) {
        if (alias.resolve(document)) return
        faults.push({ line: lineAt(startOf(alias)), detail: 'There is no anchor of that name before it.' })
      },
    })
    const value = faults.length > 0 ? undefined : document.toJS({ maxAliasCount: MAX_ALIASES })
    return { value, faults, lineOf: (path) => lineAt(offsetOf(document, path)) }
  } catch (error) {
    if (error instanceof RangeError) return failed(TOO_DEEP)
    // Too many aliases: the message of the library names the limit alone.
    if (error instanceof ReferenceError) return failed(`An anchor is used more than ${MAX_ALIASES} times.`)
    throw error
  }
}

function offsetOf(document: Document, path: FilePath): number {
  let node: unknown = document.contents
  let offset = isNode(node) ? startOf(node) : 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step)
      if (!pair) break
      if (isNode(pair.key)) offset = startOf(pair.key)
      node = pair.value
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step]
      if (isNode(node)) offset = startOf(node)
    } else break
  }
  return offset
}

function startOf({ range }: Pick<Node, 'range'>): number {
  return range?.[0] ?? 0
}
