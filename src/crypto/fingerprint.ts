import { createHash } from 'node:crypto'

/** Fingerprint of a content: the first 128 bits of its SHA-256, in base64url. */
export function fingerprint(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest().subarray(0, 16).toString('base64url')
}

/** Maps a text to one of `count` slots. */
export function slotOf(content: string, slots: number): number {
  return createHash('sha256').update(content).digest().readUInt32BE() % slots
}
