import { randomBytes } from 'node:crypto'
import {
  CompactEncrypt,
  type CryptoKey,
  calculateJwkThumbprint,
  compactDecrypt,
  decodeProtectedHeader,
} from 'jose'

/** A master key that opens this is not among those configured, or what is stored was tampered with. */
export class WrongMasterKeyError extends Error {
  override readonly name = 'WrongMasterKeyError'
}

/** Seals with the first master key, opens with any of them. */
export interface Sealer {
  seal(plaintext: Uint8Array): Promise<string>
  open(sealed: string): Promise<Uint8Array>
  /** Whether the first master key sealed this. */
  isCurrent(sealed: string): boolean
}

export const MASTER_KEY_BYTES = 32

export function generateMasterKey(): string {
  return randomBytes(MASTER_KEY_BYTES).toString('base64url')
}

/** @param masterKeys 32 bytes each, the one that seals first */
export async function createSealer(masterKeys: readonly Uint8Array[]): Promise<Sealer> {
  const keys = new Map<string, CryptoKey>()
  // Imported once: the first token of each realm opens a key.
  for (const key of masterKeys) keys.set(await idOf(key), await importKey(key))
  const [first] = keys
  if (!first) throw new TypeError('a sealer needs a master key')
  const [currentId, currentKey] = first

  return {
    seal: (plaintext) =>
      new CompactEncrypt(plaintext)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: currentId })
        .encrypt(currentKey),
    open: async (sealed) => {
      const key = keys.get(idIn(sealed))
      if (!key) throw new WrongMasterKeyError('none of the configured master keys sealed this')
      try {
        return (await compactDecrypt(sealed, key)).plaintext
      } catch (cause) {
        throw new WrongMasterKeyError('a sealed key does not open', { cause })
      }
    },
    isCurrent: (sealed) => idIn(sealed) === currentId,
  }
}

function importKey(key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', Buffer.from(key), 'AES-GCM', false, ['encrypt', 'decrypt'])
}

function idIn(sealed: string): string {
  return decodeProtectedHeader(sealed).kid ?? ''
}

function idOf(key: Uint8Array): Promise<string> {
  return calculateJwkThumbprint({ kty: 'oct', k: Buffer.from(key).toString('base64url') })
}
