import { randomBytes } from 'node:crypto'

/** A new symmetric key of 256 bits. */
export function generateDataKey(): Uint8Array {
  return randomBytes(32)
}
