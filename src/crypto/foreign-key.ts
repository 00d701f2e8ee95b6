import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed']

/** Whether a key set has a private or symmetric key in it. */
export function hasPrivateKey(set: unknown): boolean {
  const keys = (set as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) return false
  return keys.some(
    (key) =>
      typeof key === 'object' &&
      key !== null &&
      ((key as { kty?: unknown }).kty === 'oct' || PRIVATE_MEMBERS.some((name) => name in key)),
  )
}

export function foreignKeyMac(verifierKey: KeyObject, text: string): Buffer {
  return createHmac('sha256', verifierKey).update(text).digest()
}

export function isForeignKeyMac(verifierKey: KeyObject, text: string, mac: Buffer): boolean {
  const right = foreignKeyMac(verifierKey, text)
  return mac.length === right.length && timingSafeEqual(mac, right)
}
