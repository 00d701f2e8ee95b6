import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { isRecord } from './strict-json.ts'

/** Statuses of the Token Status List, section 7. */
export const VALID = 0
export const INVALID = 1
export const SUSPENDED = 2

/** A status list (Token Status List, section 4). */
export interface StatusList {
  readonly bits: number
  readonly bytes: Uint8Array
}

const MAX_INFLATED_BYTES = 16 * 1024 * 1024

const inflateAsync = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate)

/** Decodes the `status_list` claim of a status list token (section 4.2). */
export async function decodeStatusList(claim: unknown): Promise<StatusList> {
  if (!isRecord(claim)) throw new Error('no status_list')
  const { bits, lst } = claim
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) throw new Error(`bits ${JSON.stringify(bits)}`)
  if (typeof lst !== 'string' || !/^[\w-]+$/.test(lst)) throw new Error('lst is not base64url')
  const bytes = await inflateAsync(Buffer.from(lst, 'base64url'), { maxOutputLength: MAX_INFLATED_BYTES })
  return { bits, bytes }
}

/** The status at an index, undefined beyond the end: bytes in order, bits from the least significant (section 4.1). */
export function statusAt({ bits, bytes }: StatusList, index: number): number | undefined {
  const perByte = 8 / bits
  const byte = bytes[Math.floor(index / perByte)]
  return byte === undefined ? undefined : (byte >> ((index % perByte) * bits)) & ((1 << bits) - 1)
}
