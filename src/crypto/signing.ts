import { randomUUID } from 'node:crypto'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'

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
  const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)))
  return { kid, publicJwk: { ...publicJwk, kid, use: 'sig', alg: algorithm }, privateJwk }
}

export async function importSigner(kid: string, algorithm: string, privateJwk: Uint8Array): Promise<Signer> {
  const key = await importJWK(JSON.parse(Buffer.from(privateJwk).toString()) as JWK, algorithm)
  return { kid, algorithm, key: key as CryptoKey }
}

/** Signs on libuv's pool. */
export function signJwt(claims: object, type: string, { key, kid, algorithm }: Signer): Promise<string> {
  return new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: algorithm, kid, typ: type }).sign(key)
}

export function newTokenId(): string {
  return randomUUID()
}
