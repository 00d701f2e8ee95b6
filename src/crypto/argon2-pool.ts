import { hash, verify } from '@node-rs/argon2'
import fastq from 'fastq'

// OWASP's parameters: 19 MiB, two passes, one lane.
const ARGON2ID = 2
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

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
  /** Hashes under way at once, made and compared each; the default leaves two of libuv's four threads to others. */
  readonly concurrency?: number
  /** Comparisons that may wait; more are refused with `Argon2Overload`. */
  readonly maxWaiting?: number
}

export function createArgon2Pool({ concurrency = 1, maxWaiting = 100 }: Argon2PoolOptions = {}): Argon2Pool {
  const nobody = hash('nobody', PARAMETERS)
  // Whoever waits for it hears of a failure.
  void Promise.allSettled([nobody])
  // Queues of their own: who creates many accounts keeps nobody from getting a token.
  const hashes = fastq.promise((secret: string) => hash(secret, PARAMETERS), concurrency)
  const comparisons = fastq.promise(
    async ({ secret, phc }: Comparison) => (await verify(phc ?? (await nobody), secret)) && phc !== undefined,
    concurrency,
  )
  return {
    hash: (secret) => hashes.push(secret),
    verify: async (secret, phc) => {
      if (comparisons.length() >= maxWaiting) throw new Argon2Overload('too many secrets wait for argon2id')
      return comparisons.push({ secret, phc })
    },
    waiting: () => comparisons.length(),
  }
}

interface Comparison {
  readonly secret: string
  readonly phc: string | undefined
}
