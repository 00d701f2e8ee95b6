import { LRUCache } from 'lru-cache'
import { slotOf } from '../../crypto/fingerprint.ts'
import {
  type AttemptCounters,
  type AttemptLimit,
  type FailedAttemptsPolicy,
  networkOf,
  networksOf,
} from '../../domain/failed-attempts.ts'
import { OAuthError, TooManyFailuresError } from '../../domain/oauth-error.ts'
import { areNetworksKnown, type ClientNetwork, insertClientNetwork } from '../../storage/client-networks.ts'
import type { Dependencies } from '../dependencies.ts'
import { shareReads } from './shared-reads.ts'

/** Who tries to be whom, from where. */
export interface Attempt {
  readonly realmId: string
  readonly clientId: string
  readonly address: string
}

export interface FailedAttempts {
  /**
   * Checks a secret that could be guessed. The attempt is counted before the work begins, and no longer if it succeeds.
   * Each network has guesses of its own, so strangers elsewhere hold no client back; and failures of strangers in the
   * client's own network do not count where it got in before.
   * @param check `undefined`: the secret is wrong. `known`: the client got in from that network before.
   * @throws TooManyFailuresError
   * @throws OAuthError `temporarily_unavailable` while too many attempts from that network are being checked
   */
  guess<T>(attempt: Attempt, check: (known: boolean) => Promise<T | undefined>): Promise<T | undefined>
  /**
   * Counts a wrong secret that nobody can guess. It says something of the network alone.
   * @throws TooManyFailuresError
   */
  noteFailure(address: string): Promise<void>
}

/** Clients and networks remembered in this process as belonging together. */
const KNOWN = 100_000

/** Networks that a client is remembered to come from. */
const SLOTS = 256

/** Attempts of one client from one network that wait while others are being checked. */
const MAX_WAITING = 100

/** How long to wait for an attempt that another node checks. */
const RETRY_MILLISECONDS = 50

/** Networks looked up at once at most. */
const MAX_BATCH = 256

type Deps = Pick<Dependencies, 'db' | 'tokenDb' | 'clock'>

export function createFailedAttempts(
  deps: Deps,
  counters: AttemptCounters,
  policy: FailedAttemptsPolicy,
): FailedAttempts {
  const networks = knownNetworks(deps)
  const turns = createTurns()

  async function reserve(attempt: Attempt, pair: string) {
    const all = limitsOf(attempt, policy)
    for (let waited = false; ; ) {
      const grant = await counters.reserve(networks.has(pair) ? all.slice(0, 1) : all)
      if (grant.outcome === 'granted') {
        // There may be room for more than one.
        turns.next(pair)
        return grant
      }
      if (grant.outcome === 'busy') {
        await turns.wait(pair, waited)
        waited = true
      } else if (networks.has(pair) || !(await networks.find(pair, attempt))) {
        turns.next(pair)
        throw new TooManyFailuresError(grant.seconds, withoutName(grant.key))
      }
    }
  }

  return {
    async guess(attempt, check) {
      const pair = pairOf(attempt)
      const { settle } = await reserve(attempt, pair)
      let failed = false
      try {
        const found = await check(networks.has(pair))
        failed = found === undefined
        if (found !== undefined) networks.remember(pair, attempt)
        return found
      } finally {
        await settle(failed)
        turns.next(pair)
      }
    },

    async noteFailure(address) {
      const grant = await counters.reserve(addressLimits(address, policy))
      if (grant.outcome === 'held') throw new TooManyFailuresError(grant.seconds, withoutName(grant.key))
      if (grant.outcome === 'granted') await grant.settle(true)
    },
  }
}

interface KnownNetworks {
  has(pair: string): boolean
  /** Asks the database, where another process may have noted it. */
  find(pair: string, attempt: Attempt): Promise<boolean>
  remember(pair: string, attempt: Attempt): void
}

function knownNetworks({ db, tokenDb, clock }: Deps): KnownNetworks {
  // By size: `max` would reserve the memory of all of them at once, which takes each command a tenth of a second.
  const known = new LRUCache<string, true>({ maxSize: KNOWN, sizeCalculation: () => 1 })
  const reads = shareReads((asked: readonly ClientNetwork[]) => areNetworksKnown(tokenDb, asked), MAX_BATCH)
  return {
    has: (pair) => known.has(pair),

    async find(pair, attempt) {
      // While the database is away, the network is as good as unknown.
      const found = await reads.load(clientNetwork(attempt)).catch(() => false)
      if (found) known.set(pair, true)
      return found
    },

    remember(pair, attempt) {
      if (known.has(pair)) return
      known.set(pair, true)
      // Not waited for: a token does not depend on it. What could not be written is written at the next chance.
      // In the other pool: a write may wait for a standby, which no token may.
      insertClientNetwork(db, clientNetwork(attempt), clock()).catch(() => known.delete(pair))
    },
  }
}

interface Turns {
  /** @param first whether it has waited before */
  wait(pair: string, first: boolean): Promise<void>
  next(pair: string): void
}

/** Attempts that wait for others from the same network to be decided, in the order that they came. */
function createTurns(): Turns {
  const waiting = new Map<string, (() => void)[]>()

  function next(pair: string): void {
    const queue = waiting.get(pair)
    const resume = queue?.shift()
    if (queue?.length === 0) waiting.delete(pair)
    resume?.()
  }

  return {
    next,

    async wait(pair, first) {
      const queue = waiting.get(pair) ?? []
      if (queue.length >= MAX_WAITING)
        throw new OAuthError('temporarily_unavailable', 'Try again shortly.', 'too many attempts at once')
      waiting.set(pair, queue)
      const { promise, resolve } = Promise.withResolvers<void>()
      queue[first ? 'unshift' : 'push'](resolve)
      // What another node decides wakes nobody here.
      const timer = setTimeout(() => next(pair), RETRY_MILLISECONDS * queue.length)
      await promise
      clearTimeout(timer)
    },
  }
}

/** The client's own network first, then those around it, each with twice as much. */
function limitsOf(attempt: Attempt, policy: FailedAttemptsPolicy): readonly AttemptLimit[] {
  const { realmId, clientId, address } = attempt
  const pairs = networksOf(address).map((network, level) => ({
    key: `client ${realmId}/${clientId} from ${network}`,
    limit: policy.perClientAndAddress * 2 ** level,
  }))
  return [...pairs, ...addressLimits(address, policy)]
}

function addressLimits(address: string, { perAddress }: FailedAttemptsPolicy): readonly AttemptLimit[] {
  return networksOf(address).map((network, level) => ({ key: network, limit: perAddress * 2 ** level }))
}

function pairOf({ realmId, clientId, address }: Attempt): string {
  return `${realmId}/${clientId} ${networkOf(address)}`
}

function clientNetwork({ realmId, clientId, address }: Attempt): ClientNetwork {
  const network = networkOf(address)
  return { realmId, clientId, slot: slotOf(network, SLOTS), network }
}

// What a stranger sent as client_id may be a secret: only those of our own making reach the log.
function withoutName(key: string): string {
  return key.replace(/^client (?!\d+\/sa_\w+ from ).* from /s, 'one client from ')
}
