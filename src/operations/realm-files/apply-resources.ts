import type { ImportOutcome } from '../../domain/protected-resource.ts'
import { findProtectedResources } from '../../storage/protected-resources.ts'
import { attempt, type FileWork, mayDelete } from './file-work.ts'
import { presentResources, resourceToFile } from './present-realm.ts'
import type { RealmFileResource } from './realm-file-schema.ts'
import { updateOf } from './realm-plan.ts'

/** Resources of one statement. */
const CHUNK = 500

interface Wanted {
  /** Its place in the file. */
  readonly index: number
  readonly entry: RealmFileResource
}

/** Makes the resources of the file, groups before what is in them, and changes those that are there. */
export async function applyResources(work: FileWork): Promise<void> {
  const entries = (work.file.value.resources ?? []).map((entry, index) => ({ index, entry }))
  entries.sort((a, b) => depthOf(b.entry) - depthOf(a.entry) || a.index - b.index)
  for (let start = 0; start < entries.length; start += CHUNK)
    await attempt(work, ['resources'], () => write(work, entries.slice(start, start + CHUNK)))
}

/** A group of groups comes before its groups. */
function depthOf({ type }: Pick<RealmFileResource, 'type'>): number {
  return type.split('_group').length
}

async function write(work: FileWork, wanted: readonly Wanted[]): Promise<void> {
  const { operations, db, actor, realm } = work
  const keys = wanted.map(({ entry }) => entry).filter(({ type, id }) => isText(type) && isText(id))
  const found = await findProtectedResources(db, realm.id, keys)
  const present = new Map(found.map((one) => [nameOf(one), resourceToFile(one)]))
  const changed = wanted.filter(({ entry }) => !isSame(entry, present.get(nameOf(entry))))
  if (changed.length === 0) return
  const sent = changed.map(({ entry }) => withName(entry, present.get(nameOf(entry))))
  const outcomes = await operations.resources.import(actor, realm.name, sent)
  changed.forEach(({ index, entry }, n) => {
    const before = present.get(nameOf(entry))
    note(work, { index, entry: sent[n] as RealmFileResource }, before, outcomes[n] as ImportOutcome)
  })
}

/** PostgreSQL refuses a text with NUL; the operation says what is wrong with it. */
function isText(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed()
}

/** What the file leaves out stays. */
function withName(entry: RealmFileResource, before: RealmFileResource | undefined): RealmFileResource {
  return before ? { ...before, ...entry } : entry
}

function isSame(entry: RealmFileResource, present: RealmFileResource | undefined): boolean {
  if (!present) return false
  const { name = present.name, groups = present.groups } = entry
  return name === present.name && [...new Set(groups)].sort().join() === present.groups?.join()
}

function note(
  { file, faults, changes }: FileWork,
  { index, entry }: Wanted,
  before: RealmFileResource | undefined,
  outcome: ImportOutcome,
): void {
  const about = { kind: 'resource', target: nameOf(entry) } as const
  if (outcome.status === 'refused') faults.refused(file, ['resources', index], outcome.refusal)
  else if (!before) changes.push({ action: 'create', ...about, after: { ...entry } })
  else if (outcome.status !== 'unchanged') {
    const update = updateOf(about, { ...before }, { ...before, ...entry })
    if (update) changes.push(update)
  }
}

/** Deletes the resources that the file does not name, with the grants on them. */
export async function pruneResources(work: FileWork): Promise<void> {
  const { operations, actor, realm, file, changes } = work
  const { resources: wanted } = file.value
  if (!wanted) return
  const named = new Set(wanted.map(nameOf))
  const gone = []
  for await (const one of presentResources(work)) if (!named.has(nameOf(one))) gone.push(one)
  if (!mayDelete(work, 'resources', gone.length)) return
  gone.sort((a, b) => depthOf(a) - depthOf(b))
  for (const one of gone)
    await attempt(work, ['resources'], async () => {
      await operations.resources.delete(actor, realm.name, one)
      changes.push({ action: 'delete', kind: 'resource', target: nameOf(one) })
    })
}

function nameOf({ type, id }: Pick<RealmFileResource, 'type' | 'id'>): string {
  return `${type}/${id}`
}
