import type { AccountLimits } from './account-limits.ts'
import { type AuthMethod, isPathStep } from './client-key.ts'
import type { CustomClaim, Metadata } from './custom-claim.ts'
import type { ForeignHashKind } from './foreign-hash.ts'
import type { Quota } from './quota.ts'
import { Refusal } from './refusal.ts'
import { checkSecretStrength } from './secret-strength.ts'

/** A machine's identity in a realm. */
export interface ServiceAccount extends AccountLimits {
  readonly realmId: string
  readonly clientId: string
  readonly name: string
  readonly description: string
  readonly roles: readonly string[]
  /** Allowed scopes; `undefined`: all scopes of the realm. */
  readonly scopes: readonly string[] | undefined
  /** For a resource server: audiences whose tokens it may introspect; `undefined`: none configured. */
  readonly introspectsAudiences: readonly string[] | undefined
  /** By what it may authenticate. */
  readonly authMethods: readonly AuthMethod[]
  /** Where it publishes its keys, instead of uploaded ones. */
  readonly jwksUri: string | undefined
  /** Claims that its tokens get beside its realm's. */
  readonly claims: readonly CustomClaim[]
  /** Pairs of text that claims can be made of. */
  readonly metadata: Metadata
  /** The sub that another server gave it, for token_profile keycloak; `undefined`: its client_id. */
  readonly subject: string | undefined
  /** Tokens that it may get; `null`: any number. */
  readonly quota: Quota | null
  readonly disabledAt: Date | undefined
  /** Kind of the hash that another server made of its secret; `undefined` once the secret was used here. */
  readonly foreignHash: ForeignHashKind | undefined
  /** Index in the realm's status lists, carried by its tokens. */
  readonly statusIndex: number
  /** Incremented by every administrative change; the ETag of its representation. */
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly lastUsedAt: Date | undefined
  readonly lastUsedAddress: string | undefined
  readonly lastUsedScope: string | undefined
}

/** Record of a secret, without the secret. */
export interface ClientSecret {
  readonly id: string
  /** Hash as an argon2id PHC string. */
  readonly phc: string
  /** HMAC-SHA-256 under the server's verifier key; absent for imported secrets. */
  readonly hmac: Buffer | undefined
  readonly lastFour: string
  readonly createdAt: Date
  /** End of a rotation's overlap; `undefined`: valid until replaced. */
  readonly expiresAt: Date | undefined
  /** When it gets older than its account or realm allows; `undefined`: at no age. */
  readonly tooOldAt: Date | undefined
  readonly lastUsedAt: Date | undefined
}

/** A secret as administrators see it. */
export type ListedClientSecret = Omit<ClientSecret, 'phc' | 'hmac'>

// Letters, marks, digits, punctuation, symbols and the plain space. No control, invisible or private-use characters.
// The zero-width joiner and the variation selectors are parts of emoji; Persian is not written without the non-joiner.
export const MAX_NAME_LENGTH = 100
export const MAX_DESCRIPTION_LENGTH = 500
const CHARACTER = String.raw`[\p{L}\p{M}\p{N}\p{P}\p{S} ]|\u200c|\u200d|\ufe0f`
const NAME = new RegExp(`^(?:${CHARACTER}){1,${MAX_NAME_LENGTH}}$`, 'u')
const DESCRIPTION = new RegExp(`^(?:${CHARACTER}|\\n){0,${MAX_DESCRIPTION_LENGTH}}$`, 'u')
const NO_PART = /(?!\u200c|\u200d|\ufe0f)[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u

/** Stored form of a name: trimmed, in Unicode normal form C. */
export function parseDisplayName(input: string): string {
  const name = spaced(input)
  if (NAME.test(name)) return name
  const wrong = NO_PART.exec(name)?.[0].codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  const which = wrong === undefined ? '' : ` U+${wrong} is none.`
  throw new Refusal('invalid', `A name has 1 to ${MAX_NAME_LENGTH} printable characters.${which}`, 'name')
}

/** Spaces that do not break, which come with pasted text, are plain ones. */
function spaced(input: string): string {
  return input
    .normalize('NFC')
    .replaceAll(/[\u00a0\u202f]/g, ' ')
    .trim()
}

/** Key that must be unique within the realm. Names that differ only in case have the same key. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** Free text by the administrator that says what the account is for. */
export function parseDescription(input: string): string {
  const description = spaced(input)
  if (!DESCRIPTION.test(description))
    throw new Refusal(
      'invalid',
      `A description has at most ${MAX_DESCRIPTION_LENGTH} printable characters.`,
      'description',
    )
  return description
}

const DEFAULT_OVERLAP_SECONDS = 86_400
const MAX_OVERLAP_SECONDS = 90 * 86_400

/** The latest end of an old secret. */
export function latestOverlapEnd(now: Date): Date {
  return new Date(now.getTime() + MAX_OVERLAP_SECONDS * 1000)
}

/** A time that another server tells, or now where it is still to come or untold. */
export function earlierOf(time: Date | undefined, now: Date): Date {
  return time && time < now ? time : now
}

/** When a rotation ends the old secret. */
export function parseOverlapEnd(asked: Date | undefined, now: Date): Date {
  if (asked === undefined) return new Date(now.getTime() + DEFAULT_OVERLAP_SECONDS * 1000)
  const seconds = (asked.getTime() - now.getTime()) / 1000
  if (!(seconds > 0 && seconds <= MAX_OVERLAP_SECONDS))
    throw new Refusal('invalid', 'The old secret must end within the next 90 days.', 'old_secret_expires_at')
  return asked
}

export const CLIENT_ID_PATTERN = '^[A-Za-z0-9._~-]{1,64}$'
const CLIENT_ID = new RegExp(CLIENT_ID_PATTERN)

/** Returns whether a client_id can exist. */
export function isClientId(text: string): boolean {
  return CLIENT_ID.test(text)
}

export function checkImportedClientId(clientId: string): void {
  if (!isClientId(clientId) || isPathStep(clientId))
    throw new Refusal(
      'invalid',
      'A client_id has 1 to 64 letters, digits and . _ ~ - and is neither . nor ..',
      'client_id',
    )
}

export const MIN_IMPORTED_SECRET = 12
export const MAX_IMPORTED_SECRET = 256
const IMPORTED_SECRET = new RegExp(`^[^\\p{C}]{${MIN_IMPORTED_SECRET},${MAX_IMPORTED_SECRET}}$`, 'u')

export function checkImportedClientSecret(clientSecret: string, field = 'client_secret'): void {
  if (!IMPORTED_SECRET.test(clientSecret))
    throw new Refusal(
      'invalid',
      `A ${field} has ${MIN_IMPORTED_SECRET} to ${MAX_IMPORTED_SECRET} printable characters.`,
      field,
    )
  checkSecretStrength(clientSecret, field)
}

export function checkImportedSubject(subject: string): void {
  if (!/^[\x21-\x7e]{1,255}$/.test(subject))
    throw new Refusal('invalid', 'A subject has 1 to 255 visible characters of ASCII.', 'subject')
}
