import { Refusal } from './refusal.ts'
import { checkSecretStrength } from './secret-strength.ts'

/** A machine's identity in a realm. */
export interface ServiceAccount {
  readonly realmId: string
  readonly clientId: string
  readonly name: string
  readonly description: string
  readonly roles: readonly string[]
  /** The scopes it may have; `undefined`: all of the realm's. */
  readonly scopes: readonly string[] | undefined
  /** As a resource server: the audiences whose tokens it is told of; `undefined`: it was not given any. */
  readonly introspectsAudiences: readonly string[] | undefined
  readonly disabledAt: Date | undefined
  /** Its place in the realm's status lists, carried by its tokens. */
  readonly statusIndex: number
  /** Grows with every administrative change: the ETag of its representation. */
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly lastUsedAt: Date | undefined
  readonly lastUsedAddress: string | undefined
  readonly lastUsedScope: string | undefined
}

/** A secret's record: what is known of it without knowing it. */
export interface ClientSecret {
  readonly id: string
  /** argon2id PHC string, the record of truth. */
  readonly phc: string
  /** HMAC-SHA-256 under the server's verifier key; absent for imported secrets. */
  readonly hmac: Buffer | undefined
  readonly lastFour: string
  readonly createdAt: Date
  /** End of an overlap; `undefined`: valid until replaced. */
  readonly expiresAt: Date | undefined
  readonly lastUsedAt: Date | undefined
}

// Letters, marks, digits, punctuation, symbols and the plain space; no controls, no invisible or private characters.
// The zero-width joiner and the variation selectors belong to emoji.
const NAME = /^(?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]|\u200d|\ufe0f){1,100}$/u

/** The name as kept: trimmed and in Unicode normal form C. */
export function parseServiceAccountName(input: string): string {
  const name = input.normalize('NFC').trim()
  if (!NAME.test(name)) throw new Refusal('invalid', 'A name has 1 to 100 printable characters.', 'name')
  return name
}

/** What must be unique within the realm: names that differ in case alone are the same. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** What an account is for, in the administrator's words. */
export function parseDescription(input: string): string {
  const description = input.normalize('NFC').trim()
  if (!/^(?:[\p{L}\p{M}\p{N}\p{P}\p{S} \n]|\u200d|\ufe0f){0,500}$/u.test(description))
    throw new Refusal('invalid', 'A description has at most 500 printable characters.', 'description')
  return description
}

const DEFAULT_OVERLAP_SECONDS = 86_400
const MAX_OVERLAP_SECONDS = 90 * 86_400

/** When the old secret of a rotation ends. */
export function parseOverlapEnd(asked: Date | undefined, now: Date): Date {
  if (asked === undefined) return new Date(now.getTime() + DEFAULT_OVERLAP_SECONDS * 1000)
  const seconds = (asked.getTime() - now.getTime()) / 1000
  if (!(seconds > 0 && seconds <= MAX_OVERLAP_SECONDS))
    throw new Refusal('invalid', 'The old secret must end within the next 90 days.', 'old_secret_expires_at')
  return asked
}

/** Whether an account could have that client_id. */
export function isClientId(text: string): boolean {
  return /^[A-Za-z0-9._~-]{1,64}$/.test(text)
}

export function checkImportedClientId(clientId: string): void {
  if (!isClientId(clientId))
    throw new Refusal('invalid', 'A client_id has 1 to 64 letters, digits and . _ ~ -', 'client_id')
}

export function checkImportedClientSecret(clientSecret: string): void {
  if (!/^[^\p{C}]{12,256}$/u.test(clientSecret))
    throw new Refusal('invalid', 'A client_secret has 12 to 256 printable characters.', 'client_secret')
  checkSecretStrength(clientSecret)
}
