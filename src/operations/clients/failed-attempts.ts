import type { Clock } from '../../domain/clock.ts'
import {
  type AttemptCounters,
  type AttemptLimit,
  type FailedAttemptsPolicy,
  networksOf,
} from '../../domain/failed-attempts.ts'
import { TooManyFailuresError } from '../../domain/oauth-error.ts'
import type { Database } from '../../storage/database.ts'
import type { MemoryCounters } from './attempt-counters.ts'
import { createTurns } from './attempt-turns.ts'
import { type Attempt, knownNetworks, pairOf } from './known-networks.ts'

export interface FailedAttempts {
  /**
   * Checks a guessable secret. The attempt is counted before the work begins, and taken back on success.
   * Each network has its own counters, so strangers elsewhere cannot lock a client out. In a network that the client
   * has authenticated from before, failures of strangers do not count against it.
   * @param check returns `undefined` for a wrong secret. `known`: the client authenticated from that network before.
   * @throws TooManyFailuresError
   * @throws OAuthError `temporarily_unavailable` while too many attempts from that network are being checked
   */
  guess<T>(attempt: Attempt, check: (known: boolean) => Promise<T | undefined>): Promise<T | undefined>
  /**
   * Checks what costs work and cannot be guessed: an attempt is counted in this process before the work begins, and a
   * failure then for all, so that what is right writes nothing. Whom it holds back is as for `guess`.
   * @param check `undefined`: it is wrong. At once, or later where the work is done elsewhere.
   * @throws TooManyFailuresError
   * @throws OAuthError `temporarily_unavailable` while too many attempts from that network are being checked
   */
  prove<T>(attempt: Attempt, check: () => T | undefined | Promise<T | undefined>): Promise<T | undefined>
  /**
   * Counts a wrong generated secret, against its network only: such a secret cannot be guessed.
   * @throws TooManyFailuresError
   */
  noteFailure(address: string): Promise<void>
}

interface Deps {
  readonly db: Database
  readonly tokenDb: Database
  readonly clock: Clock
}

export interface AllCounters {
  /** Counted in this process. */
  readonly own: MemoryCounters
  /** Counted by all nodes together where they share counters, else `own`. */
  readonly shared: AttemptCounters
}

export function createFailedAttempts(
  deps: Deps,
  { own, shared }: AllCounters,
  policy: FailedAttemptsPolicy,
): FailedAttempts {
  const networks = knownNetworks(deps)
  const turns = createTurns()

  const limitsFor = (attempt: Attempt, pair: string) =>
    networks.has(pair) ? limitsOf(attempt, policy).slice(0, 1) : limitsOf(attempt, policy)

  async function reserve(counters: AttemptCounters, attempt: Attempt, pair: string) {
    for (let waited = false; ; ) {
      const grant = await counters.reserve(limitsFor(attempt, pair))
      if (grant.outcome === 'granted') {
        // There may be room for several.
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

  async function noteForAll(limits: readonly AttemptLimit[]): Promise<void> {
    const grant = await shared.reserve(limits)
    if (grant.outcome === 'granted') return grant.settle(true)
    if (grant.outcome === 'busy') return
    // From now on this process knows it before there is work.
    own.hold(grant.key, grant.seconds)
    throw new TooManyFailuresError(grant.seconds, withoutName(grant.key))
  }

  return {
    async guess(attempt, check) {
      const pair = pairOf(attempt)
      const { settle } = await reserve(shared, attempt, pair)
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

    async prove(attempt, check) {
      const pair = pairOf(attempt)
      const limits = limitsFor(attempt, pair)
      // An attempt that is decided at once needs no turn: no other one is undecided meanwhile.
      const now = own.reserveNow(limits)
      const { settle } = now.outcome === 'granted' ? now : await reserve(own, attempt, pair)
      let failed = false
      try {
        const checked = check()
        const found = checked instanceof Promise ? await checked : checked
        failed = found === undefined
        if (found !== undefined) networks.remember(pair, attempt)
        else if (shared !== own) await noteForAll(limits)
        return found
      } finally {
        await settle(failed)
        turns.next(pair)
      }
    },

    async noteFailure(address) {
      const grant = await shared.reserve(addressLimits(address, policy))
      if (grant.outcome === 'held') throw new TooManyFailuresError(grant.seconds, withoutName(grant.key))
      if (grant.outcome === 'granted') await grant.settle(true)
    },
  }
}

/** The client's own network first, then the enclosing ones, each with twice the limit. */
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

// A stranger's client_id may be a secret in the wrong field: log only ids of the server's making.
function withoutName(key: string): string {
  return key.replace(/^client (?!\d+\/sa_\w+ from ).* from /s, 'one client from ')
}
