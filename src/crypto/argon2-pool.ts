import { hash, verify } from '@node-rs/argon2'
import fastq from 'fastq'

// OWASP's parameters: 19 MiB, two passes, one lane.
const ARGON2ID = 2
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

type Job = { readonly secret: string; readonly phc: string | undefined }

/** argon2id, a bounded number at once: hashing may be slow, it may not starve signing, which shares the threads. */
export interface Argon2Pool {
  hash(secret: string): Promise<string>
  /** Compares with a record, or with a fixed one of nobody's where there is none. */
  verify(secret: string, phc: string | undefined): Promise<boolean>
  /** Jobs that wait for their turn. */
  waiting(): number
}

/** Too many wait already. */
export class Argon2Overload extends Error {
  override readonly name = 'Argon2Overload'
}

export interface Argon2PoolOptions {
  /** Hashes under way at once; the default leaves three of libuv's four threads to others. */
  readonly concurrency?: number
  /** Comparisons that may wait; more are refused with `Argon2Overload`. */
  readonly maxWaiting?: number
}

export function createArgon2Pool({ concurrency = 1, maxWaiting = 100 }: Argon2PoolOptions = {}): Argon2Pool {
  const nobody = hash('nobody', PARAMETERS)
  nobody.catch(() => {})
  const queue = fastq.promise(async ({ secret, phc }: Job) => {
    const matches = await verify(phc ?? (await nobody), secret)
    return matches && phc !== undefined
  }, concurrency)
  return {
    hash: (secret) => hash(secret, PARAMETERS),
    verify: async (secret, phc) => {
      if (queue.length() >= maxWaiting) throw new Argon2Overload('too many secrets wait for argon2id')
      return queue.push({ secret, phc })
    },
    waiting: () => queue.length(),
  }
}
