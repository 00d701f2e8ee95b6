import { OAuthError } from './oauth-error.ts'
import { resourceTypesOf } from './protected-resource.ts'
import type { Realm } from './realm.ts'

/** Roles on one resource, in the form of a token (RFC 9396 section 2). */
export interface AuthorizationDetail {
  readonly type: string
  readonly identifier: string
  readonly privileges: readonly string[]
}

/** One entry of a request. Without privileges: all that the client holds on the resource. */
export type AskedDetail = Omit<AuthorizationDetail, 'privileges'> & Partial<AuthorizationDetail>

/**
 * Maximum size of `authorization_details` in a token, in bytes of JSON. Base64url adds a third. With the rest of the token
 * it must pass a proxy that limits headers to 8 KiB, such as nginx.
 */
export const MAX_DETAILS_BYTES = 4096

/** The account's grants, or a mark that a token cannot hold them all. */
export interface HeldDetails {
  readonly details: readonly AuthorizationDetail[]
  readonly detailsOmitted: boolean
}

/** Members about grants in a token and in the token response; empty without grants. */
export interface DetailsClaims {
  readonly authorization_details?: readonly AuthorizationDetail[]
  readonly authorization_details_omitted?: true
}

/**
 * Parses the parameter (RFC 9396 section 2): a JSON array of objects, each of a type that the realm defines.
 * @throws OAuthError `invalid_authorization_details`
 */
export function parseAuthorizationDetails(text: string | undefined): readonly AskedDetail[] | undefined {
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse('authorization_details is not JSON.')
  }
  if (!Array.isArray(value)) refuse('authorization_details is not an array.')
  return value.map(parseDetail)
}

function parseDetail(value: unknown, index: number): AskedDetail {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuseAt(index, 'is not an object')
  const { type, identifier, privileges, ...unknown } = value as Record<string, unknown>
  // RFC 9396 section 5: refuse members that the type does not define.
  if (Object.keys(unknown).length > 0) refuseAt(index, 'may have type, identifier and privileges only')
  if (!isText(type)) refuseAt(index, 'has no type')
  if (!isText(identifier)) refuseAt(index, 'has no identifier')
  if (privileges === undefined) return { type, identifier }
  if (!Array.isArray(privileges) || privileges.length === 0 || !privileges.every(isText))
    refuseAt(index, 'has privileges that are not an array of roles')
  return { type, identifier, privileges }
}

/**
 * Grants of a token: all grants of the account, or the requested ones, which it must hold.
 * @throws OAuthError `invalid_authorization_details`
 */
export function grantDetails(
  asked: readonly AskedDetail[] | undefined,
  { details, detailsOmitted }: HeldDetails,
  realm: Pick<Realm, 'resourceTypes'>,
): DetailsClaims | undefined {
  if (asked === undefined) {
    if (detailsOmitted) return { authorization_details_omitted: true }
    return details.length === 0 ? undefined : { authorization_details: details }
  }
  const types = resourceTypesOf(realm)
  const held = new Map(details.map((detail) => [keyOf(detail), detail]))
  const granted = mergeDetails(
    asked.map((one, index) => {
      if (!types.includes(one.type)) refuseAt(index, 'has a type that the realm does not know')
      const privileges = held.get(keyOf(one))?.privileges ?? []
      const wanted = one.privileges ?? privileges
      if (wanted.length === 0 || !wanted.every((role) => privileges.includes(role)))
        refuseAt(index, 'asks for more than the client holds')
      return { type: one.type, identifier: one.identifier, privileges: wanted }
    }),
  )
  // A resource server that resolves an omission gets all grants of the account, so a subset must be in the token.
  if (JSON.stringify(granted).length > MAX_DETAILS_BYTES)
    refuse(`authorization_details would take more than ${MAX_DETAILS_BYTES} bytes of the token.`)
  return granted.length === 0 ? undefined : { authorization_details: granted }
}

/** Keeps the grants of a token that the account still holds. */
export function intersectDetails(
  ofToken: readonly AuthorizationDetail[],
  held: readonly AuthorizationDetail[],
): readonly AuthorizationDetail[] {
  const now = new Map(held.map((detail) => [keyOf(detail), detail.privileges]))
  return ofToken.flatMap((detail) => {
    const privileges = detail.privileges.filter((role) => now.get(keyOf(detail))?.includes(role))
    return privileges.length > 0 ? [{ ...detail, privileges }] : []
  })
}

/** One entry per resource, ordered by type, identifier and privilege: the same grants give the same bytes. */
function mergeDetails(details: readonly AuthorizationDetail[]): readonly AuthorizationDetail[] {
  const merged = new Map<string, AuthorizationDetail>()
  for (const { type, identifier, privileges } of details) {
    const key = keyOf({ type, identifier })
    const all = new Set([...(merged.get(key)?.privileges ?? []), ...privileges])
    merged.set(key, { type, identifier, privileges: [...all].sort() })
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, detail]) => detail)
}

// NUL sorts before every character of a type, so the order is by type, then by identifier.
function keyOf({ type, identifier }: Pick<AuthorizationDetail, 'type' | 'identifier'>): string {
  return `${type}\0${identifier}`
}

function isText(value: unknown): value is string {
  // No name contains NUL, and PostgreSQL refuses it.
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

function refuseAt(index: number, problem: string): never {
  refuse(`Entry ${index} of authorization_details ${problem}.`)
}

function refuse(description: string): never {
  throw new OAuthError('invalid_authorization_details', description)
}
