import { randomBytes } from 'node:crypto'
import { hash, hashRaw } from '@node-rs/argon2'
import { createFairQueue } from './fair-queue.ts'
import type { HashParameters } from './imported-secret.ts'

const ARGON2ID = 2

export interface Argon2Cost {
  /** In KiB. */
  readonly memoryCost: number
  /** Passes. */
  readonly timeCost: number
}

/** OWASP's recommendation, with one lane. */
export const ARGON2_COST: Argon2Cost = { memoryCost: 19_456, timeCost: 2 }

const DERIVED_BYTES = 32
const SALT_BYTES = 16

/** argon2id with bounded concurrency. Hashing may be slow, but must not starve signing, which uses the same threads. */
export interface Argon2Pool {
  /**
   * Hashes a secret when the realm's turn comes. Returns a PHC string.
   * @throws QueueOverload
   */
  hash(secret: string, realm: string): Promise<string>
  /**
   * Hashes a secret to compare it with a stored hash. Does the same work where the client has none.
   * @throws QueueOverload
   */
  digest(secret: string, kept: HashParameters | undefined, turn: Argon2Turn): Promise<Buffer>
  /**
   * Hashes with a salt of the caller's and the parameters of today.
   * @throws QueueOverload
   */
  derive(text: string, salt: Buffer, turn: Argon2Turn): Promise<Buffer>
  /**
   * Runs another slow comparison when its turn comes.
   * @throws QueueOverload
   */
  compare<T>(run: () => Promise<T>, turn: Argon2Turn): Promise<T>
  /** Comparisons that wait. */
  waiting(): number
}

export interface Argon2Turn {
  readonly realm: string
  /** Runs before jobs that are not urgent. For jobs that strangers cannot send many of. */
  readonly urgent: boolean
}

export interface Argon2PoolOptions {
  /** Cost of new hashes. Default: `ARGON2_COST`. */
  readonly cost?: Argon2Cost | undefined
  /** Maximum of hashes at once, each for creation and comparison. The default leaves two of libuv's four threads to others. */
  readonly concurrency?: number
  /** Maximum of waiting jobs; beyond it, the owner with the most waiting jobs is refused first. */
  readonly maxWaiting?: number
  readonly maxWaitingOfRealm?: number
}

export function createArgon2Pool({
  cost = ARGON2_COST,
  concurrency = 1,
  maxWaiting = 400,
  maxWaitingOfRealm = 100,
}: Argon2PoolOptions = {}): Argon2Pool {
  const parameters = { ...cost, algorithm: ARGON2ID, parallelism: 1 }
  const ofUnknownClient = {
    ...parameters,
    salt: randomBytes(SALT_BYTES),
    digest: Buffer.alloc(DERIVED_BYTES),
  }
  // Separate queues: administration must not delay token requests.
  const options = { concurrency, maxWaiting, maxWaitingOfOwner: maxWaitingOfRealm }
  const hashes = createFairQueue(options)
  const comparisons = createFairQueue(options)
  return {
    hash: (secret, realm) => hashes.push({ owner: realm, run: () => hash(secret, parameters) }),
    digest: (secret, kept, { realm, urgent }) =>
      comparisons.push({ owner: realm, urgent, run: () => digestLike(secret, kept ?? ofUnknownClient) }),
    derive: (text, salt, { realm, urgent }) => {
      const run = () => hashRaw(text, { ...parameters, salt, outputLen: DERIVED_BYTES })
      return comparisons.push({ owner: realm, urgent, run })
    },
    compare: (run, { realm, urgent }) => comparisons.push({ owner: realm, urgent, run }),
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
