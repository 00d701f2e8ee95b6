import { Refusal } from './refusal.ts'
import { nameKey, parseDisplayName } from './service-account.ts'

/** Built-in types of every realm. */
export const BUILT_IN_RESOURCE_TYPES: readonly string[] = ['device', 'device_group']

/** Something that roles are granted on. Not to be confused with RFC 8707's resource, which is an audience. */
export interface ProtectedResource {
  readonly type: string
  /** Unique in its realm and type. */
  readonly id: string
  readonly name: string
  /** Ids of the groups that contain it: resources of type `<type>_group`. */
  readonly groups: readonly string[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type ResourceKey = Pick<ProtectedResource, 'type' | 'id'>
export type ResourceEntry = Pick<ProtectedResource, 'type' | 'id' | 'name' | 'groups'>

export const RESOURCE_TYPE_PATTERN = '^[a-z][a-z0-9._:-]{0,62}$'
export const RESOURCE_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._~:@/+=-]{0,99}$'
export const MAX_RESOURCE_ID_LENGTH = 100
export const MAX_GROUPS = 100
const TYPE = new RegExp(RESOURCE_TYPE_PATTERN)
const ID = new RegExp(RESOURCE_ID_PATTERN)

export function isCustomResourceType(value: string): boolean {
  return TYPE.test(value) && !BUILT_IN_RESOURCE_TYPES.includes(value)
}

export function resourceTypesOf({
  resourceTypes,
}: {
  readonly resourceTypes: readonly string[]
}): readonly string[] {
  return [...BUILT_IN_RESOURCE_TYPES, ...resourceTypes]
}

/** Returns whether such a resource can exist. */
export function isResourceKey({ type, id }: ResourceKey): boolean {
  return TYPE.test(type) && ID.test(id)
}

/** Type of the groups that contain resources of this type. */
export function groupTypeOf(type: string): string {
  return `${type}_group`
}

/**
 * Parses an entry of unknown shape. Without a name, its id is its name.
 * @throws Refusal `invalid`
 */
export function parseResourceEntry(value: unknown, types: readonly string[]): ResourceEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal('invalid', 'A resource is a JSON object.')
  const { type, id, name, groups = [], ...unknown } = value as Record<string, unknown>
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined)
    throw new Refusal('invalid', 'A resource has type, id, name and groups only.', stranger.slice(0, 100))
  if (typeof type !== 'string' || !types.includes(type))
    throw new Refusal('invalid', `type must be one of: ${types.join(', ')}.`, 'type')
  if (typeof id !== 'string' || !ID.test(id))
    throw new Refusal(
      'invalid',
      'An id begins with a letter or digit, and has at most 100 of those and of . _ ~ : @ / + = -',
      'id',
    )
  if (name !== undefined && typeof name !== 'string') throw new Refusal('invalid', 'A name is text.', 'name')
  return { type, id, name: parseDisplayName(name ?? id), groups: parseGroups(type, groups, types) }
}

function parseGroups(type: string, groups: unknown, types: readonly string[]): readonly string[] {
  const isId = (one: unknown): one is string => typeof one === 'string' && ID.test(one)
  if (!Array.isArray(groups) || groups.length > MAX_GROUPS || !groups.every(isId))
    throw new Refusal('invalid', `groups must be an array of at most ${MAX_GROUPS} ids.`, 'groups')
  if (groups.length > 0 && !types.includes(groupTypeOf(type)))
    throw new Refusal('invalid', `The realm has no type ${groupTypeOf(type)}.`, 'groups')
  return [...new Set(groups)].sort()
}

/** Text to search in: name and id, case-folded. */
export function searchKeyOf({ name, id }: Pick<ProtectedResource, 'name' | 'id'>): string {
  return `${nameKey(name)}\n${nameKey(id)}`
}

/** Result of one entry of an import. */
export type ImportOutcome =
  | (ResourceKey & { readonly status: 'created' | 'updated' | 'unchanged' })
  | { readonly status: 'refused'; readonly refusal: Refusal }
