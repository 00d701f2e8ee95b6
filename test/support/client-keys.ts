import { generateKeyPairSync, type KeyObject } from 'node:crypto'

export interface TestKeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  readonly jwk: Record<string, string>
  readonly pem: string
}

/** A key pair on P-256. */
export function testKeyPair(): TestKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  return { publicKey, privateKey, jwk, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}
