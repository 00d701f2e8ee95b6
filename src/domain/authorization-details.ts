import { OAuthError } from './oauth-error.ts'
import { resourceTypesOf } from './protected-resource.ts'
import type { Realm } from './realm.ts'

/** Roles on one resource, as tokens say it (RFC 9396 section 2). */
export interface AuthorizationDetail {
  readonly type: string
  readonly identifier: string
  readonly privileges: readonly string[]
}

/** What a client asks for: without privileges, all that it holds on the resource. */
export type AskedDetail = Omit<AuthorizationDetail, 'privileges'> & Partial<AuthorizationDetail>

/**
 * The longest `authorization_details` in a token, in bytes of JSON. In base64url it is a third more, and with the rest
 * of the token in front of a proxy that takes headers of 8 KiB, as nginx does.
 */
export const MAX_DETAILS_BYTES = 4096

/** The account's grants: all of them, or that they are too many for a token. */
export interface HeldDetails {
  readonly details: readonly AuthorizationDetail[]
  readonly detailsOmitted: boolean
}

/** What a token and the answer that brings it say of grants; nothing where there are none. */
export interface DetailsClaims {
  readonly authorization_details?: readonly AuthorizationDetail[]
  readonly authorization_details_omitted?: true
}

/**
 * The parameter as RFC 9396 section 2 has it: a JSON array of objects, each with a type that the realm knows.
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
  // RFC 9396 section 5: members that the type does not know are refused.
  if (Object.keys(unknown).length > 0) refuseAt(index, 'may have type, identifier and privileges only')
  if (!isText(type)) refuseAt(index, 'has no type')
  if (!isText(identifier)) refuseAt(index, 'has no identifier')
  if (privileges === undefined) return { type, identifier }
  if (!Array.isArray(privileges) || privileges.length === 0 || !privileges.every(isText))
    refuseAt(index, 'has privileges that are not an array of roles')
  return { type, identifier, privileges }
}

/**
 * What a token gets: all that the account holds, or what was asked for, which it must hold.
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
  // Whoever resolves an omission gets all that the account holds: less than that has to be in the token.
  if (JSON.stringify(granted).length > MAX_DETAILS_BYTES)
    refuse(`authorization_details would take more than ${MAX_DETAILS_BYTES} bytes of the token.`)
  return granted.length === 0 ? undefined : { authorization_details: granted }
}

/** What of a token's details the account still holds. */
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

/** One entry for a resource, all in order of type, identifier and privilege: the same grants give the same bytes. */
function mergeDetails(details: readonly AuthorizationDetail[]): readonly AuthorizationDetail[] {
  const merged = new Map<string, AuthorizationDetail>()
  for (const { type, identifier, privileges } of details) {
    const key = keyOf({ type, identifier })
    const all = new Set([...(merged.get(key)?.privileges ?? []), ...privileges])
    merged.set(key, { type, identifier, privileges: [...all].sort() })
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, detail]) => detail)
}

// NUL sorts before all that a type may have, so that the order is that of type, then identifier.
function keyOf({ type, identifier }: Pick<AuthorizationDetail, 'type' | 'identifier'>): string {
  return `${type}\0${identifier}`
}

function isText(value: unknown): value is string {
  // NUL is no character of any name, and the database does not take it.
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

function refuseAt(index: number, problem: string): never {
  refuse(`Entry ${index} of authorization_details ${problem}.`)
}

function refuse(description: string): never {
  throw new OAuthError('invalid_authorization_details', description)
}
