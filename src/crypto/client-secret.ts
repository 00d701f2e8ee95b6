import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const PREFIX = 'mm_'
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BODY_LENGTH = 43
const CHECKSUM_LENGTH = 6
const SHAPE = /^mm_[0-9A-Za-z]{49}$/

/** Stands in for the record of a client that is not there, so that the comparison is made all the same. */
const NO_HMAC = Buffer.alloc(32)

/** A new client secret: `mm_`, 256 random bits in base62, and their CRC-32 in base62. */
export function generateClientSecret(): string {
  const body = PREFIX + toBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), BODY_LENGTH)
  return body + checksumOf(body)
}

/** Whether this text could be a secret that the server made: its shape and its checksum are right. */
export function isGeneratedSecret(secret: string): boolean {
  return SHAPE.test(secret) && secret.endsWith(checksumOf(secret.slice(0, PREFIX.length + BODY_LENGTH)))
}

/** What the HMACs of secrets are made with. Node takes a key in a quarter of the time that it takes bytes. */
export type VerifierKey = KeyObject

export function importVerifierKey(bytes: Uint8Array): VerifierKey {
  return createSecretKey(bytes)
}

/** The account that a secret is of. */
export interface SecretOwner {
  readonly realmId: string
  readonly clientId: string
}

/** What a request is checked against. Of another owner it is another, so it cannot be moved. */
export function boundHmacOf(
  secret: string,
  { realmId, clientId }: SecretOwner,
  verifierKey: VerifierKey,
): Buffer {
  return createHmac('sha256', verifierKey).update(`${realmId}/${clientId}/${secret}`).digest()
}

/** What a secret is found by whose owner is not known, as one that leaked. */
export function hmacOf(secret: string, verifierKey: VerifierKey): Buffer {
  return createHmac('sha256', verifierKey).update(secret).digest()
}

/** Compares in constant time, also where there is nothing to compare with. */
export function hmacMatches(presented: Buffer, expected: Buffer | undefined): boolean {
  return timingSafeEqual(presented, expected ?? NO_HMAC) && expected !== undefined
}

function checksumOf(text: string): string {
  return toBase62(BigInt(crc32(text)), CHECKSUM_LENGTH)
}

function toBase62(value: bigint, length: number): string {
  let rest = value
  let text = ''
  for (let i = 0; i < length; i++) {
    text = BASE62[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}
