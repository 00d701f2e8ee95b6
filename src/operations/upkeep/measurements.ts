import { measureConnections, type PoolMeasurement } from '../../storage/database.ts'
import { findEarliestRotation } from '../../storage/realms.ts'
import { findOldestCurrentKey } from '../../storage/signing-keys.ts'
import type { LeakedSecretOperations } from '../accounts/leaked-secrets.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { StatusListOperations } from '../tokens/status-lists.ts'

/** How the server is doing at this moment. */
export interface Measurements {
  readonly argon2Waiting: number
  /** By pool. */
  readonly connections: Readonly<Record<'administration' | 'tokens', PoolMeasurement>>
  readonly realmsLoaded: number
  /** Of the oldest status list given out since the last look; `undefined`: none was. */
  readonly statusListAgeSeconds: number | undefined
  /** Client look-ups since the start. */
  readonly lookups: number
  /** Reads of the database that served them. */
  readonly lookupBatches: number
  /** Valid secrets that were reported to have leaked, since the start. */
  readonly leakedSecrets: number
  /** `undefined`: the database is away. */
  readonly keys:
    | {
        readonly oldestCurrentAgeSeconds: number | undefined
        readonly nextRotationSeconds: number | undefined
      }
    | undefined
}

export interface MeasurementOperations {
  measure(): Promise<Measurements>
  /** Whether a realm of that name is kept in memory, as each is that was asked for and is there. */
  isRealmLoaded(realmName: string): boolean
}

export function measurementOperations(
  { db, tokenDb, clock, argon2 }: Pick<Dependencies, 'db' | 'tokenDb' | 'clock' | 'argon2'>,
  realms: Pick<LoadedRealms, 'size' | 'has'>,
  {
    countLookups,
    countLeakedSecrets,
  }: Pick<FreshClients, 'countLookups'> & Pick<LeakedSecretOperations, 'countLeakedSecrets'>,
  { oldestStatusListAge }: Pick<StatusListOperations, 'oldestStatusListAge'>,
): MeasurementOperations {
  async function measureKeys(): Promise<Measurements['keys']> {
    const now = clock().getTime()
    const [oldest, next] = await Promise.all([findOldestCurrentKey(db), findEarliestRotation(db)])
    return {
      oldestCurrentAgeSeconds: oldest && (now - oldest.getTime()) / 1000,
      nextRotationSeconds: next && (next.getTime() - now) / 1000,
    }
  }

  return {
    isRealmLoaded: realms.has,

    async measure() {
      const { lookups, batches } = countLookups()
      return {
        lookups,
        lookupBatches: batches,
        leakedSecrets: countLeakedSecrets(),
        argon2Waiting: argon2.waiting(),
        connections: { administration: measureConnections(db), tokens: measureConnections(tokenDb) },
        realmsLoaded: realms.size(),
        statusListAgeSeconds: oldestStatusListAge(),
        keys: await measureKeys().catch(() => undefined),
      }
    },
  }
}
