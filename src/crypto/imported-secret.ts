import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SecretOwner, VerifierKey } from './client-secret.ts'

/**
 * How an imported secret is stored: its argon2id hash goes through an HMAC under the verifier key, bound to its owner.
 * Without that key, a stolen database cannot be used to check guesses.
 *
 * Format: a PHC string with the HMAC in place of the hash, after one byte of another HMAC in hex: `a3$argon2id$…`.
 * That byte rejects 255 of 256 wrong secrets without argon2id. It is `--` until the secret is seen for the first time.
 */
export type KeyedHash = string

const NO_FILTER = '--'

export interface HashParameters {
  readonly memoryCost: number
  readonly timeCost: number
  readonly parallelism: number
  readonly salt: Buffer
  /** The HMAC of the hash; in a plain PHC string, the hash. */
  readonly digest: Buffer
}

/** @param secret if known, adds the filter byte that rejects wrong secrets without argon2id */
export function keyedHashOf(
  phc: string,
  owner: SecretOwner,
  verifierKey: VerifierKey,
  secret?: string,
): KeyedHash {
  const cut = phc.lastIndexOf('$') + 1
  const mac = macOf(Buffer.from(phc.slice(cut), 'base64'), owner, verifierKey)
  const filter = secret === undefined ? NO_FILTER : filterOf(secret, owner, verifierKey).toString('hex', 0, 1)
  return `${filter}${phc.slice(0, cut)}${mac.toString('base64').replace(/=+$/, '')}`
}

/** The same record with its filter byte, once the secret is known. */
export function refilter(
  keyedHash: KeyedHash,
  owner: SecretOwner,
  verifierKey: VerifierKey,
  secret: string,
): KeyedHash {
  return filterOf(secret, owner, verifierKey).toString('hex', 0, 1) + keyedHash.slice(2)
}

export function hasFilter(keyedHash: KeyedHash): boolean {
  return !keyedHash.startsWith(NO_FILTER)
}

/**
 * Returns whether the secret may be right. An unknown client, or a record without a filter, lets as many wrong secrets
 * pass as a known one does.
 */
export function passesFilter(
  secret: string,
  owner: SecretOwner,
  verifierKey: VerifierKey,
  keyedHash: KeyedHash | undefined,
): boolean {
  const filter = filterOf(secret, owner, verifierKey)
  const expected = keyedHash === undefined ? filter[1] : Number.parseInt(keyedHash.slice(0, 2), 16)
  return filter[0] === expected
}

/** @throws TypeError for any other format */
export function parseHash(text: KeyedHash | string): HashParameters {
  const match = /\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(text)
  if (!match) throw new TypeError('not an argon2id hash')
  const [memoryCost = 0, timeCost = 0, parallelism = 0] = match.slice(1, 4).map(Number)
  const [salt, digest] = match.slice(4).map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer]
  return { memoryCost, timeCost, parallelism, salt, digest }
}

/** The stored form of a hash. */
export function macOf(hash: Uint8Array, owner: SecretOwner, verifierKey: VerifierKey): Buffer {
  return createHmac('sha256', verifierKey)
    .update(`imported/${owner.realmId}/${owner.clientId}/`)
    .update(hash)
    .digest()
}

/** Compares in constant time. */
export function digestsMatch(found: Buffer, kept: Buffer): boolean {
  return found.length === kept.length && timingSafeEqual(found, kept)
}

function filterOf(secret: string, { realmId, clientId }: SecretOwner, verifierKey: VerifierKey): Buffer {
  return createHmac('sha256', verifierKey).update(`filter/${realmId}/${clientId}/${secret}`).digest()
}
