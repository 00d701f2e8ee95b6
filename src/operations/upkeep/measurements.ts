import { measureConnections, type PoolMeasurement } from '../../storage/database.ts'
import { measureKeyFetchFailures } from '../../storage/fetched-keys.ts'
import { findEarliestRotation } from '../../storage/realm-rotation.ts'
import { findOldestCurrentKey } from '../../storage/signing-keys.ts'
import { measureWebhooks } from '../../storage/webhook-turns.ts'
import type { LeakedSecrets } from '../accounts/leaked-secrets.ts'
import type { FreshClients } from '../clients/fresh-clients.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { ReplicaMeasurement } from '../read-replica.ts'
import type { StatusLists } from '../tokens/status-lists.ts'

/** Current state of the server. */
export interface Measurements {
  readonly argon2Waiting: number
  /** Connections by pool. */
  readonly connections: Readonly<Record<'administration' | 'assertions' | 'tokens', PoolMeasurement>>
  readonly realmsLoaded: number
  /** `undefined`: there is no standby to read. */
  readonly replica: ReplicaMeasurement | undefined
  /** Age of the oldest status list sent since the last measurement; `undefined`: none was sent. */
  readonly statusListAgeSeconds: number | undefined
  /** Client lookups since the start. */
  readonly lookups: number
  /** Queries that served them. */
  readonly lookupBatches: number
  /** Valid secrets that were reported as leaked since the start. */
  readonly leakedSecrets: number
  /** Fetches of issuers' keys since the start, by outcome. */
  readonly keyFetches: Readonly<Record<'succeeded' | 'failed', number>>
  /** `undefined`: the database is away. */
  readonly issuerKeys:
    | {
        readonly failing: number
        readonly failingSeconds: number
        readonly staleSeconds: number
      }
    | undefined
  /** Refused tokens of platforms since the start, by reason. */
  readonly platformTokenRefusals: ReadonlyMap<string, number>
  /** Requests to realms in shadow mode since the start, by what became of them. */
  readonly shadowRequests: ReadonlyMap<string, number>
  /** Token requests beyond a quota since the start, by its mode. */
  readonly quotaExceeded: ReadonlyMap<string, number>
  /** `undefined`: the database is away. */
  readonly webhooks: { readonly failing: number; readonly overdueSeconds: number } | undefined
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
  readonly issuerKeys: { countFetches(): Measurements['keyFetches'] }
  readonly issuerRefusals: { count(): Measurements['platformTokenRefusals'] }
  readonly shadow: { count(): Measurements['shadowRequests'] }
  readonly quotas: { count(): Measurements['quotaExceeded'] }
}

/** Sources that were tried since are in use: each is tried twice a minute while it fails. */
const IN_USE_SECONDS = 600

export type MeasurementTaker = ReturnType<typeof measurements>

export function measurements(
  {
    db,
    tokenDb,
    assertionDb,
    clock,
    argon2,
    readReplica,
  }: Pick<Dependencies, 'db' | 'tokenDb' | 'assertionDb' | 'clock' | 'argon2' | 'readReplica'>,
  measured: Measured,
) {
  const { loadedRealms, freshClients, leakedSecrets, statusLists, issuerKeys, issuerRefusals } = measured

  async function measureKeys(): Promise<Measurements['keys']> {
    const now = clock().getTime()
    const [oldest, next] = await Promise.all([findOldestCurrentKey(db), findEarliestRotation(db)])
    return {
      oldestCurrentAgeSeconds: oldest && (now - oldest.getTime()) / 1000,
      nextRotationSeconds: next && (next.getTime() - now) / 1000,
    }
  }

  async function measureIssuerKeys(): Promise<Measurements['issuerKeys']> {
    const now = clock().getTime()
    const found = await measureKeyFetchFailures(db, new Date(now - IN_USE_SECONDS * 1000))
    const secondsSince = (time: Date | undefined) => (time ? Math.max(0, (now - time.getTime()) / 1000) : 0)
    return {
      failing: found.count,
      failingSeconds: secondsSince(found.since),
      staleSeconds: secondsSince(found.freshUntil),
    }
  }

  async function measureHooks(): Promise<Measurements['webhooks']> {
    const now = clock()
    const { failing, dueSince } = await measureWebhooks(db, now)
    return { failing, overdueSeconds: dueSince ? (now.getTime() - dueSince.getTime()) / 1000 : 0 }
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
        connections: {
          administration: measureConnections(db),
          assertions: measureConnections(assertionDb),
          tokens: measureConnections(tokenDb),
        },
        realmsLoaded: loadedRealms.size(),
        replica: readReplica?.measure(),
        statusListAgeSeconds: statusLists.oldestAge(),
        keyFetches: issuerKeys.countFetches(),
        issuerKeys: await measureIssuerKeys().catch(() => undefined),
        platformTokenRefusals: issuerRefusals.count(),
        shadowRequests: measured.shadow.count(),
        quotaExceeded: measured.quotas.count(),
        webhooks: await measureHooks().catch(() => undefined),
        keys: await measureKeys().catch(() => undefined),
      }
    },
  }
}
