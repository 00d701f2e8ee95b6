import { measureConnections, type PoolMeasurement } from '../../storage/database.ts'
import { findEarliestRotation } from '../../storage/realm-rotation.ts'
import { findOldestCurrentKey } from '../../storage/signing-keys.ts'
import type { LeakedSecrets } from '../accounts/leaked-secrets.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { StatusLists } from '../tokens/status-lists.ts'

/** Current state of the server. */
export interface Measurements {
  readonly argon2Waiting: number
  /** Connections by pool. */
  readonly connections: Readonly<Record<'administration' | 'tokens', PoolMeasurement>>
  readonly realmsLoaded: number
  /** Age of the oldest status list sent since the last measurement; `undefined`: none was sent. */
  readonly statusListAgeSeconds: number | undefined
  /** Client lookups since the start. */
  readonly lookups: number
  /** Queries that served them. */
  readonly lookupBatches: number
  /** Valid secrets that were reported as leaked since the start. */
  readonly leakedSecrets: number
  /** `undefined`: the database is away. */
  readonly keys:
    | {
        readonly oldestCurrentAgeSeconds: number | undefined
        readonly nextRotationSeconds: number | undefined
      }
    | undefined
}

interface Measured {
  readonly loadedRealms: Pick<LoadedRealms, 'size' | 'has'>
  readonly freshClients: Pick<FreshClients, 'countLookups'>
  readonly leakedSecrets: Pick<LeakedSecrets, 'count'>
  readonly statusLists: Pick<StatusLists, 'oldestAge'>
}

export type MeasurementTaker = ReturnType<typeof measurements>

export function measurements(
  { db, tokenDb, clock, argon2 }: Pick<Dependencies, 'db' | 'tokenDb' | 'clock' | 'argon2'>,
  { loadedRealms, freshClients, leakedSecrets, statusLists }: Measured,
) {
  async function measureKeys(): Promise<Measurements['keys']> {
    const now = clock().getTime()
    const [oldest, next] = await Promise.all([findOldestCurrentKey(db), findEarliestRotation(db)])
    return {
      oldestCurrentAgeSeconds: oldest && (now - oldest.getTime()) / 1000,
      nextRotationSeconds: next && (next.getTime() - now) / 1000,
    }
  }

  return {
    /** Returns whether the realm is in memory, as every existing realm is once it was requested. */
    isRealmLoaded: (realmName: string): boolean => loadedRealms.has(realmName),

    async take(): Promise<Measurements> {
      const { lookups, batches } = freshClients.countLookups()
      return {
        lookups,
        lookupBatches: batches,
        leakedSecrets: leakedSecrets.count(),
        argon2Waiting: argon2.waiting(),
        connections: { administration: measureConnections(db), tokens: measureConnections(tokenDb) },
        realmsLoaded: loadedRealms.size(),
        statusListAgeSeconds: statusLists.oldestAge(),
        keys: await measureKeys().catch(() => undefined),
      }
    },
  }
}
