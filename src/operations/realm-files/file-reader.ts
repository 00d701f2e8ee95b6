import type { FilePath } from '../../domain/realm-file-fault.ts'
import { checkDocument, checkEntry } from './file-check.ts'
import { FileFaults, type Place } from './file-faults.ts'
import { documentsOf, type Entry, type Sections } from './file-sections.ts'
import { MAX_FILE_BYTES } from './realm-file-limits.ts'
import { LIST_NAMES, type ListName, type RealmFile } from './realm-file-schema.ts'
import { requireSingle } from './repeated-entries.ts'
import { type ParsedYaml, parseYaml } from './yaml-text.ts'

/** A text with realms, from a file or from standard input. */
export interface FileText {
  /** For people; `undefined`: standard input. */
  readonly name: string | undefined
  readonly text: string
}

/** A realm as a file says it is, and where it says so. */
export interface ReadRealm extends Place {
  readonly value: RealmFile
}

/** Most text that the YAML library reads at once: it needs a hundred times as much memory. */
const MAX_PARSED_BYTES = 2 * 1024 * 1024

/** The realms of files, in order of their names. @throws RealmFileError with all that is wrong */
export function readRealmFiles(files: readonly FileText[]): ReadRealm[] {
  const faults = new FileFaults()
  const realms = files.flatMap((file) => readFile(file, faults))
  const names = new Set<string>()
  for (const { value, ...place } of realms) {
    if (names.has(value.realm)) faults.add(place, ['realm'], { detail: 'Another document has this realm.' })
    names.add(value.realm)
  }
  faults.throwAny()
  return realms.sort((a, b) => (a.value.realm < b.value.realm ? -1 : 1))
}

function readFile({ name, text }: FileText, faults: FileFaults): ReadRealm[] {
  const whole: Place = { file: name, lineOf: () => undefined }
  if (text.length > MAX_FILE_BYTES) {
    const limit = MAX_FILE_BYTES / 1024 / 1024
    faults.add(whole, [], { code: 'limit_reached', detail: `A realm file has at most ${limit} MiB.` })
    return []
  }
  const documents =
    readWithoutYaml(text, whole) ?? documentsOf(text).map((one) => readDocument(one, name, faults))
  if (documents.length === 0)
    faults.add(whole, [], { detail: 'There is no realm in it: it begins with realm: <name>.' })
  return documents
    .filter((one) => one !== undefined)
    .filter(({ value, ...place }) => {
      if (!checkDocument(value, faults, place)) return false
      requireSingle(value, faults, place)
      return true
    }) as ReadRealm[]
}

type Unchecked = Place & { readonly value: unknown }

/** A large text in JSON, which is YAML too. Its lines are not known. */
function readWithoutYaml(text: string, place: Place): Unchecked[] | undefined {
  if (text.length <= MAX_PARSED_BYTES || !/^\s*\{/.test(text)) return undefined
  try {
    return [{ ...place, value: JSON.parse(text) }]
  } catch {
    return undefined
  }
}

function readDocument(
  sections: Sections,
  file: string | undefined,
  faults: FileFaults,
): Unchecked | undefined {
  const rest = parsed({ text: sections.rest, line: sections.firstLine })
  const place: Place = { file, lineOf: (path) => lineIn(sections, rest, path) }
  const before = addFaults(rest, file, faults)
  const lists: Partial<Record<ListName, unknown[]>> = {}
  let isGood = before
  for (const [list, entries] of sections.lists) {
    lists[list] = []
    entries.forEach((entry, index) => {
      const read = readEntry(entry, file, faults)
      if (read && checkEntry(read.value, [list, index], faults, place)) lists[list]?.push(read.value)
      else isGood = false
    })
  }
  // Entries that are good in themselves; the rest is checked as a whole.
  if (!isGood) {
    if (before) checkDocument(rest.value, faults, place)
    return undefined
  }
  const isObject = typeof rest.value === 'object' && rest.value !== null && !Array.isArray(rest.value)
  return { ...place, value: isObject ? { ...rest.value, ...lists } : rest.value }
}

function readEntry(
  entry: Entry,
  file: string | undefined,
  faults: FileFaults,
): { value: unknown } | undefined {
  const json = jsonOf(entry.text)
  if (json !== undefined) return { value: json }
  const read = parsed(entry)
  return addFaults(read, file, faults) ? { value: (read.value as unknown[])[0] } : undefined
}

/** An entry on one line as an export writes it: the YAML library would take a hundred times as long. */
function jsonOf(text: string): unknown {
  const [, json] = /^ *- (\{.*\})\s*$/s.exec(text) ?? []
  if (json === undefined) return undefined
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function parsed({ text, line }: Entry): ParsedYaml {
  if (text.length <= MAX_PARSED_BYTES) return parseYaml(text, line)
  const detail = `It is larger than ${MAX_PARSED_BYTES / 1024 / 1024} MiB: write the entries of lists on lines of their own.`
  return { value: undefined, faults: [{ line, detail }], lineOf: () => line }
}

function addFaults({ faults: own }: ParsedYaml, file: string | undefined, faults: FileFaults): boolean {
  for (const { line, detail } of own) faults.add({ file, lineOf: () => line }, [], { detail })
  return own.length === 0
}

function lineIn({ lists }: Sections, rest: ParsedYaml, path: FilePath): number {
  const [list, index, ...below] = path
  const entry = LIST_NAMES.find((one) => one === list) && lists.get(list as ListName)?.[index as number]
  return entry ? parsed(entry).lineOf([0, ...below]) : rest.lineOf(path)
}
