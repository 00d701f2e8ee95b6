import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

const PREFIX = 'mm_'
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BODY_LENGTH = 43
const CHECKSUM_LENGTH = 6
const SHAPE = /^mm_[0-9A-Za-z]{49}$/

/** Compared with when the client does not exist, so that the work is the same. */
const NO_HMAC = Buffer.alloc(32)

/** A new client secret: `mm_`, 256 random bits in base62, and their CRC-32 in base62. */
export function generateClientSecret(): string {
  const body = PREFIX + toBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), BODY_LENGTH)
  return body + checksumOf(body)
}

/** Returns whether the server could have made this secret: its format and its checksum are right. */
export function isGeneratedSecret(secret: string): boolean {
  return SHAPE.test(secret) && secret.endsWith(checksumOf(secret.slice(0, PREFIX.length + BODY_LENGTH)))
}

/** Key of the secrets' HMACs. Node uses a KeyObject four times as fast as raw bytes. */
export type VerifierKey = KeyObject

export function importVerifierKey(bytes: Uint8Array): VerifierKey {
  return createSecretKey(bytes)
}

/** The account that owns a secret. */
export interface SecretOwner {
  readonly realmId: string
  readonly clientId: string
}

/** HMAC to authenticate a request with. It depends on the owner, so that a stolen row cannot be moved to another account. */
export function boundHmacOf(
  secret: string,
  { realmId, clientId }: SecretOwner,
  verifierKey: VerifierKey,
): Buffer {
  return createHmac('sha256', verifierKey).update(`${realmId}/${clientId}/${secret}`).digest()
}

/** HMAC to find a secret by when its owner is unknown, for example a leaked one. */
export function hmacOf(secret: string, verifierKey: VerifierKey): Buffer {
  return createHmac('sha256', verifierKey).update(secret).digest()
}

/** First byte of a hash that was bound later, from the unbound hash. */
const REBOUND = Buffer.of(1)

/** Binds an unbound hash of the previous version; the secret is not needed. */
export function reboundHmacOf(
  hmac: Buffer,
  { realmId, clientId }: SecretOwner,
  verifierKey: VerifierKey,
): Buffer {
  const mac = createHmac('sha256', verifierKey)
    .update(`rebound/${realmId}/${clientId}/`)
    .update(hmac)
    .digest()
  return Buffer.concat([REBOUND, mac])
}

export function isReboundHmac(hmac: Buffer | undefined): boolean {
  return hmac !== undefined && hmac.length > NO_HMAC.length
}

/** Compares in constant time, also with an absent value. */
export function hmacMatches(presented: Buffer, expected: Buffer | undefined): boolean {
  const comparable = expected?.length === presented.length
  return timingSafeEqual(presented, comparable ? expected : presented) && comparable
}

function checksumOf(text: string): string {
  let rest = crc32(text)
  let checksum = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    checksum = BASE62[rest % 62] + checksum
    rest = Math.floor(rest / 62)
  }
  return checksum
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
