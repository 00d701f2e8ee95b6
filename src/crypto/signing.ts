import { randomUUID } from 'node:crypto'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'

export interface GeneratedKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly publicJwk: JWK
  /** To be sealed at once. */
  readonly privateJwk: Uint8Array
}

/** A private key ready to sign. */
export interface Signer {
  readonly kid: string
  readonly algorithm: string
  readonly key: CryptoKey
}

export async function generateSigningKey(algorithm: string): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 })
  const publicJwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicJwk)
  // One in 64 begins as an option of a command would: another key has a name that can be typed.
  if (kid.startsWith('-')) return generateSigningKey(algorithm)
  const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)))
  return { kid, publicJwk: { ...publicJwk, kid, use: 'sig', alg: algorithm }, privateJwk }
}

export async function importSigner(kid: string, algorithm: string, privateJwk: Uint8Array): Promise<Signer> {
  const key = await importJWK(JSON.parse(Buffer.from(privateJwk).toString()) as JWK, algorithm)
  return { kid, algorithm, key: key as CryptoKey }
}

/** What WebCrypto calls the algorithms of JOSE. */
const WEB_CRYPTO: Record<string, AlgorithmIdentifier | RsaPssParams | EcdsaParams> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  RS256: 'RSASSA-PKCS1-v1_5',
  PS256: { name: 'RSA-PSS', saltLength: 32 },
  EdDSA: 'Ed25519',
}

/** Signs on libuv's pool. */
export async function signJwt(
  claims: object,
  type: string,
  { key, kid, algorithm }: Signer,
): Promise<string> {
  const input = `${encode({ alg: algorithm, kid, typ: type })}.${encode(claims)}`
  const signature = await crypto.subtle.sign(WEB_CRYPTO[algorithm] ?? algorithm, key, Buffer.from(input))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export function newTokenId(): string {
  return randomUUID()
}
