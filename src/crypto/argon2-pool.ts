import { hash, hashRaw } from '@node-rs/argon2'
import { createFairQueue } from './fair-queue.ts'
import { type HashParameters, parseHash } from './imported-secret.ts'

// OWASP's parameters: 19 MiB, two passes, one lane.
const ARGON2ID = 2
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** argon2id, a bounded number at once: hashing may be slow, it may not starve signing, which shares the threads. */
export interface Argon2Pool {
  /**
   * A PHC string, made when it is the realm's turn.
   * @throws QueueOverload
   */
  hash(secret: string, realm: string): Promise<string>
  /**
   * The hash to compare with a kept one, or with none where the client has none: the same work.
   * @throws QueueOverload
   */
  digest(secret: string, kept: HashParameters | undefined, turn: Argon2Turn): Promise<Buffer>
  /** Comparisons that wait for their turn. */
  waiting(): number
}

export interface Argon2Turn {
  readonly realm: string
  /** Before all that are not: those that strangers cannot send many of. */
  readonly urgent: boolean
}

export interface Argon2PoolOptions {
  /** Hashes under way at once, made and compared each; the default leaves two of libuv's four threads to others. */
  readonly concurrency?: number
  /** More are refused, first of those who have most of them waiting. */
  readonly maxWaiting?: number
  readonly maxWaitingOfRealm?: number
}

export function createArgon2Pool({
  concurrency = 1,
  maxWaiting = 400,
  maxWaitingOfRealm = 100,
}: Argon2PoolOptions = {}): Argon2Pool {
  const nobody = hash('nobody', PARAMETERS).then(parseHash)
  // A failure is reported to the caller that waits for it.
  void Promise.allSettled([nobody])
  // Queues of their own: administration keeps nobody from getting a token.
  const options = { concurrency, maxWaiting, maxWaitingOfOwner: maxWaitingOfRealm }
  const hashes = createFairQueue(options)
  const comparisons = createFairQueue(options)
  return {
    hash: (secret, realm) => hashes.push({ owner: realm, run: () => hash(secret, PARAMETERS) }),
    digest: (secret, kept, { realm, urgent }) =>
      comparisons.push({ owner: realm, urgent, run: async () => digestLike(secret, kept ?? (await nobody)) }),
    waiting: () => comparisons.waiting(),
  }
}

function digestLike(
  secret: string,
  { memoryCost, timeCost, parallelism, salt, digest }: HashParameters,
): Promise<Buffer> {
  const options = { algorithm: ARGON2ID, memoryCost, timeCost, parallelism, salt }
  return hashRaw(secret, { ...options, outputLen: digest.length })
}
