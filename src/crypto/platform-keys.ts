import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { PublishedKey } from '../domain/key-source.ts'
import { type PlatformAlgorithm, platformAlgorithmsOf } from '../domain/platform-algorithm.ts'
import { isAsLongAsModulus } from './verifying.ts'

/** A published key ready to verify with. */
interface OpenKey {
  readonly key: KeyObject
  readonly algorithms: readonly PlatformAlgorithm[]
}

/** As long as the key set is the same, so are its objects. */
const opened = new WeakMap<PublishedKey, OpenKey>()

function open(published: PublishedKey): OpenKey {
  const known = opened.get(published)
  if (known) return known
  const made = {
    key: createPublicKey({ key: published.jwk, format: 'jwk' }),
    algorithms: platformAlgorithmsOf(published.jwk),
  }
  opened.set(published, made)
  return made
}

/** Keys tried for a token without kid. */
const TRIED_WITHOUT_KID = 4

export type SignatureOutcome = 'right' | 'key_unknown' | 'key_algorithm' | 'signature'

export interface SignedToken {
  readonly algorithm: PlatformAlgorithm
  readonly kid: string | undefined
  /** The signed bytes. */
  readonly input: string
  readonly signature: Buffer
}

/** Whether one of these keys made the signature; of a kid that the token names, if it names one. */
export async function verifyPlatformToken(
  keys: readonly PublishedKey[],
  { algorithm, kid, input, signature }: SignedToken,
): Promise<SignatureOutcome> {
  const named = keysFor(keys, kid)
  if (named.length === 0) return 'key_unknown'
  const fit = named.map(open).filter(({ algorithms }) => algorithms.includes(algorithm))
  if (fit.length === 0) return 'key_algorithm'
  for (const { key } of fit.slice(0, TRIED_WITHOUT_KID))
    if (await isSignedBy(key, algorithm, input, signature)) return 'right'
  return 'signature'
}

/** The keys that may have signed a token with that kid. */
export function keysFor(keys: readonly PublishedKey[], kid: string | undefined): readonly PublishedKey[] {
  return kid === undefined ? keys : keys.filter((key) => key.kid === kid)
}

const HASHES: Readonly<Record<string, string>> = { 256: 'sha256', 384: 'sha384', 512: 'sha512' }

/** On another thread: how long it takes is up to the issuer's key. */
async function isSignedBy(
  key: KeyObject,
  algorithm: PlatformAlgorithm,
  input: string,
  signature: Buffer,
): Promise<boolean> {
  if (!isAsLongAsModulus(signature.length, key.asymmetricKeyDetails?.modulusLength)) return false
  const hash = /^(?:RS|PS|ES)/.test(algorithm) ? (HASHES[algorithm.slice(2)] as string) : null
  const how = algorithm.startsWith('PS')
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : algorithm.startsWith('ES')
      ? { key, dsaEncoding: 'ieee-p1363' as const }
      : key
  return new Promise((resolve) => {
    verify(hash, Buffer.from(input), how, signature, (error, isRight) => resolve(error === null && isRight))
  })
}

/** Key under which a token with a verified signature is remembered. It reveals nothing of the token. */
export function tokenDigest(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

/** Key by which tokens are looked up: a hash of the values that a workload identity pins. */
export function pinHash(pin: string): Buffer {
  return createHash('sha256').update(`mintmark workload identity 1${pin}`).digest()
}
