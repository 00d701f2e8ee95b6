import { createPrivateKey, hash, randomUUID, sign, type webcrypto } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { toConcatenated } from './ecdsa-signature.ts'
import { TamperedSealError } from './sealing.ts'
import { withoutTraces } from './without-traces.ts'

export interface GeneratedKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly publicJwk: JWK
  /** Must be sealed at once. */
  readonly privateJwk: Uint8Array
}

/** A private key ready to sign. */
export interface Signer {
  readonly kid: string
  readonly algorithm: string
  readonly sign: (input: Buffer) => Buffer | Promise<ArrayBuffer>
  /** The last header, encoded, and the type that it names: tokens of a realm all have one type. */
  header?: { readonly type: string; readonly encoded: string }
}

export async function generateSigningKey(algorithm: string): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 })
  const jwk = await exportJWK(pair.privateKey)
  const kid = thumbprintOf(jwk)
  // One in 64 begins with a hyphen, which a command would take for an option: draws again.
  if (kid.startsWith('-')) return generateSigningKey(algorithm)
  const privateJwk = Buffer.from(JSON.stringify(jwk))
  return { kid, publicJwk: publicJwkOf(kid, algorithm, privateJwk), privateJwk }
}

/** @throws TamperedSealError where the kid does not match */
export async function importSigner(kid: string, algorithm: string, privateJwk: Uint8Array): Promise<Signer> {
  return { kid, algorithm, sign: await signatureOf(algorithm, parseJwk(kid, privateJwk)) }
}

/**
 * Makes the JWK to publish from the sealed key. The copy beside it in the database is not trusted.
 * @param jwk the private JWK, or the public half of a retired key
 * @throws TamperedSealError where the kid does not match
 */
export function publicJwkOf(kid: string, algorithm: string, jwk: Uint8Array): JWK {
  return { ...publicMembersOf(parseJwk(kid, jwk)), kid, use: 'sig', alg: algorithm }
}

function parseJwk(kid: string, bytes: Uint8Array): JWK {
  const jwk = JSON.parse(Buffer.from(bytes).toString()) as JWK
  if (thumbprintOf(jwk) !== kid) throw new TamperedSealError(`the key that is sealed is not ${kid}`)
  return jwk
}

/** Members in the order that RFC 7638 hashes them. */
const PUBLIC_MEMBERS: Record<string, readonly string[]> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
  AKP: ['alg', 'kty', 'pub'],
}

function publicMembersOf(jwk: JWK): JWK {
  const members = PUBLIC_MEMBERS[jwk.kty as string] ?? []
  return Object.fromEntries(members.map((name) => [name, jwk[name as keyof JWK]])) as JWK
}

function thumbprintOf(jwk: JWK): string {
  return hash('sha256', JSON.stringify(publicMembersOf(jwk)), 'base64url')
}

/** WebCrypto's names of the JOSE algorithms. */
const WEB_CRYPTO: Record<string, webcrypto.AlgorithmIdentifier | webcrypto.RsaPssParams> = {
  RS256: 'RSASSA-PKCS1-v1_5',
  PS256: { name: 'RSA-PSS', saltLength: 32 },
}

/** Elliptic curves sign on this thread: faster than a round trip to libuv's pool. Other algorithms use the pool. */
async function signatureOf(algorithm: string, jwk: JWK): Promise<Signer['sign']> {
  // Node signs twice as fast with the bare key as with an options object.
  if (algorithm === 'ES256') {
    const key = withoutTraces(() => createPrivateKey({ key: jwk, format: 'jwk' }))
    return (input) => toConcatenated(sign('sha256', input, key))
  }
  if (algorithm === 'EdDSA') {
    const key = withoutTraces(() => createPrivateKey({ key: jwk, format: 'jwk' }))
    return (input) => sign(null, input, key)
  }
  const key = (await importJWK(jwk, algorithm)) as CryptoKey
  return (input) => crypto.subtle.sign(WEB_CRYPTO[algorithm] ?? algorithm, key, new Uint8Array(input))
}

/**
 * Signs at once where the algorithm does.
 * @param claims as JSON
 */
export function signJwt(claims: string, type: string, signer: Signer): string | Promise<string> {
  const input = `${headerOf(signer, type)}.${encode(claims)}`
  const signature = signer.sign(Buffer.from(input, 'latin1'))
  return signature instanceof Promise
    ? signature.then((bytes) => `${input}.${Buffer.from(bytes).toString('base64url')}`)
    : `${input}.${signature.toString('base64url')}`
}

function headerOf(signer: Signer, type: string): string {
  if (signer.header?.type !== type) {
    const { algorithm: alg, kid } = signer
    signer.header = { type, encoded: encode(JSON.stringify({ alg, kid, typ: type })) }
  }
  return signer.header.encoded
}

function encode(json: string): string {
  return Buffer.from(json).toString('base64url')
}

export function newTokenId(): string {
  return randomUUID()
}
