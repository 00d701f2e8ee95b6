import {
  groupTypeOf,
  type ImportOutcome,
  parseResourceEntry,
  type ResourceEntry,
  type ResourceKey,
  resourceTypesOf,
} from '../../domain/protected-resource.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import { lockProtectedResources, upsertProtectedResources } from '../../storage/protected-resource-changes.ts'
import { findProtectedResources } from '../../storage/protected-resources.ts'
import { resourceLimitReached, roomForResources } from './resource-limit.ts'

/** Entries that one query looks for. */
const BATCH = 500

/** With the `resourceLimit` of `takeResourceLimit`. */
export type LimitedRealm = Realm & { readonly resourceLimit: number | undefined }

/**
 * Creates or replaces resources in the given order; refuses invalid ones.
 * @param values entries of unknown shape; a Refusal stands for an unreadable one
 */
export async function writeEntries(
  trx: DatabaseTransaction,
  realm: LimitedRealm,
  values: readonly unknown[],
  now: Date,
): Promise<ImportOutcome[]> {
  const types = resourceTypesOf(realm)
  const outcomes: ImportOutcome[] = []
  for (const run of withoutRepeats(values.map((value) => parsed(value, types))))
    outcomes.push(...(await writeRun(trx, realm, run, now)))
  return outcomes
}

function parsed(value: unknown, types: readonly string[]): ResourceEntry | Refusal {
  if (value instanceof Refusal) return value
  try {
    return parseResourceEntry(value, types)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

// Chunks without a repeated resource: one statement can write each row only once.
function withoutRepeats(entries: readonly (ResourceEntry | Refusal)[]): (ResourceEntry | Refusal)[][] {
  const runs: (ResourceEntry | Refusal)[][] = [[]]
  let seen = new Set<string>()
  for (const entry of entries) {
    const name = entry instanceof Refusal ? undefined : `${entry.type}/${entry.id}`
    if (name !== undefined && seen.has(name)) {
      runs.push([])
      seen = new Set()
    }
    if (name !== undefined) seen.add(name)
    runs.at(-1)?.push(entry)
  }
  return runs
}

async function writeRun(
  trx: DatabaseTransaction,
  realm: LimitedRealm,
  run: readonly (ResourceEntry | Refusal)[],
  now: Date,
): Promise<ImportOutcome[]> {
  const written = await writeParsed(
    trx,
    realm,
    run.filter((entry): entry is ResourceEntry => !(entry instanceof Refusal)),
    now,
  )
  return run.map((entry) =>
    entry instanceof Refusal ? { status: 'refused', refusal: entry } : (written.shift() as ImportOutcome),
  )
}

// Each type and id at most once. Groups are locked before their members, so that none is deleted meanwhile.
async function writeParsed(
  trx: DatabaseTransaction,
  realm: LimitedRealm,
  entries: readonly ResourceEntry[],
  now: Date,
): Promise<ImportOutcome[]> {
  const groups = await lockProtectedResources(trx, realm.id, entries.flatMap(groupsOf), 'key share')
  const known = { groups, before: await findProtectedResources(trx, realm.id, entries) }
  const { planned, accepted } = await planEntries(trx, realm, entries, known)
  if (accepted.length === 0) return planned
  const created = new Set((await upsertProtectedResources(trx, realm.id, accepted, now)).map(nameOf))
  // Another transaction may have created some meanwhile.
  return planned.map((outcome) =>
    outcome.status === 'created' && !created.has(nameOf(outcome))
      ? { ...outcome, status: 'updated' }
      : outcome,
  )
}

/** Existing resources that the entries name. */
interface Known {
  readonly groups: readonly ResourceKey[]
  readonly before: readonly ResourceEntry[]
}

/** Outcome of each entry, in order, and the entries that change something. */
async function planEntries(
  db: Database,
  realm: LimitedRealm,
  entries: readonly (ResourceEntry | Refusal)[],
  { groups, before }: Known,
): Promise<{ readonly planned: ImportOutcome[]; readonly accepted: ResourceEntry[] }> {
  const known = new Set(groups.map(nameOf))
  const old = new Map(before.map((entry) => [nameOf(entry), entry]))
  const accepted: ResourceEntry[] = []
  const { resourceLimit: limit } = realm
  const grows =
    limit !== undefined && entries.some((one) => !(one instanceof Refusal) && !old.has(nameOf(one)))
  let room = grows ? await roomForResources(db, realm.id, limit) : Number.POSITIVE_INFINITY
  const planned = entries.map((entry): ImportOutcome => {
    if (entry instanceof Refusal) return { status: 'refused', refusal: entry }
    const missing = groupsOf(entry).find((group) => !known.has(nameOf(group)))
    if (missing)
      return {
        status: 'refused',
        refusal: new Refusal('invalid', `There is no ${nameOf(missing)}.`, 'groups'),
      }
    const { type, id } = entry
    const was = old.get(nameOf(entry))
    if (!was && room-- <= 0)
      return { status: 'refused', refusal: resourceLimitReached(realm.name, limit as number) }
    known.add(nameOf(entry))
    old.set(nameOf(entry), entry)
    if (was && isSame(was, entry)) return { type, id, status: 'unchanged' }
    accepted.push(entry)
    return { type, id, status: was ? 'updated' : 'created' }
  })
  return { planned, accepted }
}

/** What `writeEntries` would do with all these together, in the same order; it writes and locks nothing. */
export async function checkEntries(
  db: Database,
  realm: LimitedRealm,
  values: readonly unknown[],
): Promise<ImportOutcome[]> {
  const types = resourceTypesOf(realm)
  const entries = values.map((value) => parsed(value, types))
  const named = entries.filter((one): one is ResourceEntry => !(one instanceof Refusal))
  const before: ResourceEntry[] = []
  const groups = new Map<string, ResourceKey>()
  for (let at = 0; at < named.length; at += BATCH) {
    const some = named.slice(at, at + BATCH)
    before.push(...(await findProtectedResources(db, realm.id, some)))
    const unknown = some.flatMap(groupsOf).filter((group) => !groups.has(nameOf(group)))
    for (const group of await findProtectedResources(db, realm.id, unknown)) groups.set(nameOf(group), group)
  }
  const known = { groups: [...groups.values()], before }
  return (await planEntries(db, realm, entries, known)).planned
}

function nameOf({ type, id }: ResourceKey): string {
  return `${type}/${id}`
}

function groupsOf({ type, groups }: ResourceEntry): ResourceKey[] {
  return groups.map((id) => ({ type: groupTypeOf(type), id }))
}

function isSame(a: ResourceEntry, b: ResourceEntry): boolean {
  return a.name === b.name && a.groups.join() === b.groups.join()
}
