import type { AccountLimitsUpdate } from './account-limits.ts'
import { MAX_KEYS } from './client-key.ts'
import type { CustomClaim, Metadata } from './custom-claim.ts'
import { checkCustomClaims, checkMetadata } from './custom-claim-check.ts'
import type { ForeignHashKind } from './foreign-hash.ts'
import { isObject } from './lenient-json.ts'
import type { Quota } from './quota.ts'
import { Refusal } from './refusal.ts'
import { checkImportedClientId, checkImportedSubject } from './service-account.ts'

/** A service account to import. What is left out gets the default, or stays as it is. */
export interface AccountLine extends AccountLimitsUpdate {
  readonly clientId: string
  readonly name: string
  readonly description?: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[] | null
  readonly introspectsAudiences?: readonly string[] | null
  readonly claims?: readonly CustomClaim[]
  readonly metadata?: Metadata
  /** Its sub on the server that it comes from. */
  readonly subject?: string
  /** In realm files only. */
  readonly quota?: Quota | null
  readonly enabled?: boolean
  /** At most one of the two. Without one the account has no secret until it gets one. */
  readonly clientSecret?: string
  readonly secretHash?: string
  /** Its public keys: at most one of the two. */
  readonly jwks?: SentKeys
  readonly jwksUri?: string | undefined
  /** Members that count for a new account alone. */
  readonly keep?: readonly KeptMember[]
  /** The secret before its rotation, which is good until its end; `null`: none any more. */
  readonly oldClientSecret?: string | null
  readonly oldSecretExpiresAt?: Date
  readonly oldSecretCreatedAt?: Date
  /** When its secret was made on the server that it comes from. */
  readonly secretCreatedAt?: Date
  /** When the account was made there. */
  readonly createdAt?: Date
}

export interface SentKeys {
  readonly keys: readonly Readonly<Record<string, unknown>>[]
}

const KEPT_MEMBERS = ['name', 'description', 'roles', 'scopes', 'claims', 'metadata', 'enabled'] as const
export type KeptMember = (typeof KEPT_MEMBERS)[number]

export type AccountOutcome =
  | {
      readonly status: 'created' | 'updated' | 'unchanged'
      readonly clientId: string
      /** Kind of the hash that its secret was imported with, where that was imported now. */
      readonly hash?: ForeignHashKind
      /** What was left as it is. */
      readonly detail?: string
    }
  | { readonly status: 'refused'; readonly clientId?: string | undefined; readonly refusal: Refusal }

type Reader = (value: unknown, field: string) => unknown

/** Members of a line: what each becomes and how it is read. */
const MEMBERS: ReadonlyMap<string, readonly [keyof AccountLine, Reader]> = new Map<
  string,
  readonly [keyof AccountLine, Reader]
>([
  ['client_id', ['clientId', readText]],
  ['name', ['name', readText]],
  ['description', ['description', readText]],
  ['roles', ['roles', readTexts]],
  ['scopes', ['scopes', orNull(readTexts)]],
  ['introspects_audiences', ['introspectsAudiences', orNull(readTexts)]],
  ['claims', ['claims', readClaims]],
  ['metadata', ['metadata', readMetadata]],
  ['subject', ['subject', readText]],
  ['enabled', ['enabled', readBoolean]],
  ['allowed_networks', ['allowedNetworks', orNull(readTexts)]],
  ['expires_at', ['expiresAt', orNull(readTime)]],
  ['max_secret_age_seconds', ['maxSecretAgeSeconds', orNull(readNumber)]],
  ['client_secret', ['clientSecret', readText]],
  ['secret_hash', ['secretHash', readText]],
  ['jwks', ['jwks', readJwks]],
  ['jwks_uri', ['jwksUri', readText]],
  ['keep', ['keep', readKept]],
  ['old_client_secret', ['oldClientSecret', orNull(readText)]],
  ['old_secret_expires_at', ['oldSecretExpiresAt', readTime]],
  ['old_secret_created_at', ['oldSecretCreatedAt', readTime]],
  ['secret_created_at', ['secretCreatedAt', readTime]],
  ['created_at', ['createdAt', readTime]],
])

const MAX_TEXT = 5000
/** More than a token has room for. */
const MAX_TEXTS = 1000

/** @throws Refusal `invalid` */
export function parseAccountLine(value: unknown): AccountLine {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal('invalid', 'A line is a JSON object: {"client_id": "…", "name": "…"}.')
  const line: Partial<Record<keyof AccountLine, unknown>> = {}
  for (const [member, one] of Object.entries(value)) {
    const known = MEMBERS.get(member)
    // The name is not repeated: it may be a secret in the wrong place.
    if (!known) throw new Refusal('invalid', `A line may have: ${[...MEMBERS.keys()].join(', ')}.`)
    const [name, read] = known
    line[name] = read(one, member)
  }
  for (const member of ['client_id', 'name'])
    if (!Object.hasOwn(value, member)) throw new Refusal('invalid', `A line needs a ${member}.`, member)
  if (line.clientSecret !== undefined && line.secretHash !== undefined)
    throw new Refusal('invalid', 'A line has a client_secret or a secret_hash, not both.', 'secret_hash')
  if (line.jwks !== undefined && line.jwksUri !== undefined)
    throw new Refusal('invalid', 'A line has jwks or jwks_uri, not both.', 'jwks_uri')
  checkImportedClientId(line.clientId as string)
  if (line.subject !== undefined) checkImportedSubject(line.subject as string)
  return line as unknown as AccountLine
}

function readText(value: unknown, field: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT || !value.isWellFormed())
    throw new Refusal('invalid', `${field} is a text.`, field)
  return value
}

function readTexts(value: unknown, field: string): string[] {
  if (!Array.isArray(value) || value.length > MAX_TEXTS)
    throw new Refusal('invalid', `${field} is an array of texts.`, field)
  return value.map((one) => readText(one, field))
}

function readClaims(value: unknown): readonly CustomClaim[] {
  checkCustomClaims(value)
  return value
}

function readMetadata(value: unknown): Metadata {
  checkMetadata(value)
  return value
}

function readJwks(value: unknown, field: string): SentKeys {
  const keys = isObject(value) ? value['keys'] : undefined
  if (!Array.isArray(keys) || keys.length > MAX_KEYS || !keys.every(isObject))
    throw new Refusal('invalid', `${field} is {"keys": [...]} of at most ${MAX_KEYS} public keys.`, field)
  return { keys }
}

function readKept(value: unknown, field: string): readonly KeptMember[] {
  const known: readonly unknown[] = KEPT_MEMBERS
  if (!Array.isArray(value) || !value.every((one) => known.includes(one)))
    throw new Refusal('invalid', `${field} is an array of: ${KEPT_MEMBERS.join(', ')}.`, field)
  return value
}

function readBoolean(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw new Refusal('invalid', `${field} is true or false.`, field)
  return value
}

function readTime(value: unknown, field: string): Date {
  const time = new Date(readText(value, field))
  if (!(time.getTime() >= 0) || !/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/i.test(String(value)))
    throw new Refusal(
      'invalid',
      `${field} is a date-time with its zone, such as 2027-01-31T00:00:00Z.`,
      field,
    )
  return time
}

function readNumber(value: unknown, field: string): number {
  if (typeof value !== 'number') throw new Refusal('invalid', `${field} is a number.`, field)
  return value
}

function orNull(read: Reader): Reader {
  return (value, field) => (value === null ? null : read(value, field))
}
