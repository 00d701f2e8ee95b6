import { slotOf } from '../../crypto/fingerprint.ts'
import type { Clock } from '../../domain/clock.ts'
import { networkOf } from '../../domain/failed-attempts.ts'
import { areNetworksKnown, type ClientNetwork, insertClientNetwork } from '../../storage/client-networks.ts'
import type { Database } from '../../storage/database.ts'
import { boundedCache } from '../bounded-cache.ts'
import { shareReads } from './shared-reads.ts'

/** Who tries to authenticate as which client, from where. */
export interface Attempt {
  readonly realmId: string
  readonly clientId: string
  readonly address: string
}

/** Pairs of client and network cached in this process. */
const KNOWN = 100_000

/** Networks stored per client. */
const SLOTS = 256

/** Maximum of networks per lookup. */
const MAX_BATCH = 256

interface Deps {
  readonly db: Database
  readonly tokenDb: Database
  readonly clock: Clock
}

export interface KnownNetworks {
  has(pair: string): boolean
  /** Asks the database: another process may have stored it. */
  find(pair: string, attempt: Attempt): Promise<boolean>
  remember(pair: string, attempt: Attempt): void
}

export function knownNetworks({ db, tokenDb, clock }: Deps): KnownNetworks {
  const known = boundedCache<true>(KNOWN)
  const reads = shareReads((asked: readonly ClientNetwork[]) => areNetworksKnown(tokenDb, asked), MAX_BATCH)
  return {
    has: (pair) => known.has(pair),

    async find(pair, attempt) {
      // While the database is away, the network counts as unknown.
      const found = await reads.load(clientNetwork(attempt)).catch(() => false)
      if (found) known.set(pair, true)
      return found
    },

    remember(pair, attempt) {
      if (known.has(pair)) return
      known.set(pair, true)
      // Not awaited: the token does not depend on it. A failed write is repeated at the next success.
      // Uses the other pool: a write may wait for a standby, and token reads must not.
      insertClientNetwork(db, clientNetwork(attempt), clock()).catch(() => known.delete(pair))
    },
  }
}

export function pairOf({ realmId, clientId, address }: Attempt): string {
  return `${realmId}/${clientId} ${networkOf(address)}`
}

function clientNetwork({ realmId, clientId, address }: Attempt): ClientNetwork {
  const network = networkOf(address)
  return { realmId, clientId, slot: slotOf(network, SLOTS), network }
}
