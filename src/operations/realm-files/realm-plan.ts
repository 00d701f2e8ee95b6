import { isDeepStrictEqual } from 'node:util'

export type ChangeKind =
  | 'realm'
  | 'trusted_issuer'
  | 'resource'
  | 'service_account'
  | 'key'
  | 'workload_identity'
  | 'grant'
  | 'webhook'

/** One difference between a realm and its file, in the names of the file. */
export interface PlannedChange {
  readonly action: 'create' | 'update' | 'delete'
  readonly kind: ChangeKind
  /** Name of a realm, issuer, type/id, client_id, kid, role on type/id, address without its query. */
  readonly target: string
  /** client_id of the account that it belongs to. */
  readonly account?: string
  /** Members that change, as they were and as they are then. */
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
}

export interface RealmPlan {
  readonly realm: string
  readonly changes: readonly PlannedChange[]
  /** Changes that remain to be made, or were not made. */
  readonly notes: readonly string[]
}

type Members = Readonly<Record<string, unknown>>

/** Lists whose order says nothing. */
const SETS = [
  'roles',
  'scopes',
  'resource_types',
  'allowed_auth_methods',
  'auth_methods',
  'algorithms',
  'events',
]

export function isSame(member: string, one: unknown, other: unknown): boolean {
  if (SETS.includes(member) && Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && isDeepStrictEqual([...one].sort(), [...other].sort())
  return isDeepStrictEqual(one, other)
}

/** Members that the file names and that are not so. */
export function differing(wanted: Members, present: Members): string[] {
  return Object.keys(wanted).filter(
    (name) => wanted[name] !== undefined && !isSame(name, wanted[name], present[name]),
  )
}

/** What an update has changed; `undefined`: nothing. */
export function updateOf(
  about: Pick<PlannedChange, 'kind' | 'target' | 'account'>,
  before: Members,
  after: Members,
): PlannedChange | undefined {
  const names = differing(after, before)
  if (names.length === 0) return undefined
  return { action: 'update', ...about, before: pick(before, names), after: pick(after, names) }
}

/** These members, in this order. */
export function pick(members: Members, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in members).map((name) => [name, members[name]]))
}

/** By what a deletion is known when it is confirmed. */
export function deletionsOf(plans: readonly RealmPlan[]): string[] {
  return plans.flatMap(({ realm, changes }) =>
    changes
      .filter(({ action }) => action === 'delete')
      .map(({ kind, account = '', target }) => JSON.stringify([realm, kind, account, target])),
  )
}
