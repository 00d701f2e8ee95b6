import { createHash } from 'node:crypto'

/** Tells contents apart: the first 128 bits of SHA-256 in base64url. */
export function fingerprint(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest().subarray(0, 16).toString('base64url')
}

/** One of so many slots, which anybody can compute: for places that only their owner can fill. */
export function slotOf(content: string, slots: number): number {
  return createHash('sha256').update(content).digest().readUInt32BE() % slots
}
