import { LRUCache } from 'lru-cache'
import { bucketOf } from '../../crypto/fingerprint.ts'
import { backOffSeconds, type FailedAttemptsPolicy, networkOf } from '../../domain/failed-attempts.ts'
import { TooManyFailuresError } from '../../domain/oauth-error.ts'
import type { AttemptCounters } from '../../storage/failed-attempts.ts'

/** Who tries to be whom, from where. */
export interface Attempt {
  readonly realm: string
  readonly clientId: string
  readonly address: string
}

export interface FailedAttempts {
  /**
   * To be asked before a guess is worth work. Whoever got in from there before is not held back for what others do.
   * @throws TooManyFailuresError
   */
  requirePatience(attempt: Attempt): Promise<void>
  /**
   * Counts a failure.
   * @throws TooManyFailuresError where there have been too many
   */
  noteFailure(attempt: Attempt): Promise<void>
  noteSuccess(attempt: Attempt): void
}

/** Clients and addresses remembered as belonging together. */
const KNOWN_PAIRS = 100_000

export function createFailedAttempts(
  { increment, hold, heldFor }: AttemptCounters,
  policy: FailedAttemptsPolicy,
): FailedAttempts {
  const known = new LRUCache<string, true>({ max: KNOWN_PAIRS })

  async function require(keys: readonly string[]): Promise<void> {
    const waits = await Promise.all(keys.map(heldFor))
    const longest = Math.max(...waits)
    if (longest > 0) throw new TooManyFailuresError(longest, keys[waits.indexOf(longest)] as string)
  }

  return {
    async requirePatience(attempt) {
      const { pair, client, address, realm } = keysOf(attempt)
      await require(known.has(pair) ? [pair] : [pair, client, address, realm])
    },

    async noteFailure(attempt) {
      const keys = keysOf(attempt)
      // What a noisy address does beyond its own limit says nothing more about clients and realms.
      await require([keys.address])
      const limits = [
        [keys.pair, policy.perClientAndAddress],
        [keys.client, policy.perClient],
        [keys.address, policy.perAddress],
        [keys.realm, policy.perRealm],
      ] as const
      await require([keys.pair])
      await Promise.all(
        limits.map(async ([key, limit]) => {
          const seconds = backOffSeconds(await increment(key), limit, policy)
          if (seconds > 0) await hold(key, seconds)
        }),
      )
    },

    noteSuccess: (attempt) => void known.set(keysOf(attempt).pair, true),
  }
}

/** Names and addresses are hashed into so many places that memory stays bounded, whatever is sent. */
const PLACES = 2 ** 16

function keysOf({ realm, clientId, address }: Attempt) {
  const network = networkOf(address)
  return {
    pair: `pair:${bucketOf([realm, clientId, network], PLACES)}`,
    client: `client:${bucketOf([realm, clientId], PLACES)}`,
    address: `address:${bucketOf([network], PLACES)}`,
    realm: `realm:${bucketOf([realm], PLACES)}`,
  }
}
