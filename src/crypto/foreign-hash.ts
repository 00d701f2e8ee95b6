import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { hashRaw } from '@node-rs/argon2'
import { hash as bcrypt } from '@node-rs/bcrypt'
import type { ForeignHash, ForeignHashKind } from '../domain/foreign-hash.ts'
import type { Argon2Pool } from './argon2-pool.ts'
import type { SecretOwner, VerifierKey } from './client-secret.ts'
import { digestsMatch, macOf } from './imported-secret.ts'

/** A foreign hash as it is stored: `kind$cost$salt$length$mac`; the HMAC stands for the digest, whose length comes before it. */
export type KeyedForeignHash = string

/** The row that a foreign hash belongs to. */
export interface SecretRow extends SecretOwner {
  readonly id: string
}

/** bcrypt ignores what is beyond. */
const BCRYPT_BYTES = 72

const ARGON2ID = 2
const deriveKey = promisify(pbkdf2)

/** Without the verifier key nothing can be checked against it; in another row it is wrong. */
export function keyedForeignHashOf(
  hash: ForeignHash,
  { realmId, clientId, id }: SecretRow,
  verifierKey: VerifierKey,
): KeyedForeignHash {
  const recipe = recipeOf(hash)
  const mac = createHmac('sha256', verifierKey)
    .update(`foreign/${realmId}/${clientId}/${id}/${recipe}/`)
    .update(hash.digest)
    .digest()
  return `${recipe}$${mac.toString('base64url')}`
}

/** Compares in constant time. */
export function isSameForeignHash(a: KeyedForeignHash, b: KeyedForeignHash): boolean {
  return digestsMatch(Buffer.from(a), Buffer.from(b))
}

/** Makes the hash of another secret. `undefined`: a hash of that kind cannot tell this secret from others. */
export async function remakeForeignHash(
  stored: KeyedForeignHash,
  secret: string,
): Promise<ForeignHash | undefined> {
  const [kind = '', cost = '', salt = '', length = ''] = stored.split('$')
  const recipe = {
    kind: kind as ForeignHashKind,
    cost: cost === '' ? [] : cost.split(',').map(Number),
    salt: Buffer.from(salt, 'base64url'),
  }
  if (recipe.kind === 'bcrypt' && (Buffer.byteLength(secret) > BCRYPT_BYTES || secret.includes('\0')))
    return undefined
  return { ...recipe, digest: await digestOf(recipe, secret, Number(length)) }
}

/** The quick hash of a secret that was drawn at random, of which a slow one would protect nothing more. */
export function quickHashOf(secret: string): ForeignHash {
  const digest = createHash('sha512').update(secret).digest()
  return { kind: 'sha512', cost: [], salt: Buffer.alloc(0), digest }
}

/** Whether a hash costs next to nothing to make. */
export function isFastHash(stored: KeyedForeignHash): boolean {
  return /^sha\d+\$/.test(stored)
}

/**
 * Value that shows later whether a hash is the same. A guess at it costs argon2id, whatever the hash itself costs.
 * @throws QueueOverload
 */
export async function fingerprintOf(
  hash: ForeignHash,
  owner: SecretOwner,
  { argon2, verifierKey }: { readonly argon2: Argon2Pool; readonly verifierKey: VerifierKey },
): Promise<Buffer> {
  const text = `${recipeOf(hash)}$${hash.digest.toString('base64url')}`
  const salt = macOf(Buffer.from('fingerprint'), owner, verifierKey).subarray(0, 16)
  const digest = await argon2.derive(text, salt, { realm: owner.realmId, urgent: false })
  return macOf(digest, owner, verifierKey)
}

/** The same for the hash of a secret that was drawn at random: no guess at that succeeds, however cheap. */
export function quickFingerprintOf(hash: ForeignHash, owner: SecretOwner, verifierKey: VerifierKey): Buffer {
  return macOf(
    Buffer.from(`quick/${recipeOf(hash)}$${hash.digest.toString('base64url')}`),
    owner,
    verifierKey,
  )
}

function recipeOf({ kind, cost, salt, digest }: ForeignHash): string {
  return [kind, cost.join(), salt.toString('base64url'), digest.length].join('$')
}

async function digestOf(
  { kind, cost, salt }: Omit<ForeignHash, 'digest'>,
  secret: string,
  length: number,
): Promise<Buffer> {
  const [first = 0, timeCost = 0, parallelism = 0] = cost
  switch (kind) {
    case 'argon2id': {
      const options = { algorithm: ARGON2ID, memoryCost: first, timeCost, parallelism, salt }
      return hashRaw(secret, { ...options, outputLen: length })
    }
    case 'bcrypt':
      return Buffer.from((await bcrypt(secret, first, salt)).slice(-31))
    case 'pbkdf2-sha256':
      return deriveKey(secret, salt, first, length, 'sha256')
    case 'pbkdf2-sha512':
      return deriveKey(secret, salt, first, length, 'sha512')
    default:
      return createHash(kind).update(secret).digest()
  }
}
