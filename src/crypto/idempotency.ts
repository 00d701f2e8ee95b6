import { createHash, createHmac } from 'node:crypto'
import type { VerifierKey } from './client-secret.ts'

/** Hash of an administrator's Idempotency-Key. */
export function idempotencyKeyHash(actor: string, key: string): Buffer {
  return createHash('sha256').update(`${actor}\n${key}`).digest()
}

/** Keyed, since a request may hold a secret that its client chose. */
export function requestFingerprint(request: string, verifierKey: VerifierKey): Buffer {
  return createHmac('sha256', verifierKey).update(`idempotent request\n${request}`).digest()
}
