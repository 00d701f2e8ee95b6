import { createHash } from 'node:crypto'

/** Tells contents apart: the first 128 bits of SHA-256 in base64url. */
export function fingerprint(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest().subarray(0, 16).toString('base64url')
}

/** One of so many places, that nobody who does not know the place of another can aim at. */
export function bucketOf(parts: readonly string[], places: number): number {
  return createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE() % places
}
