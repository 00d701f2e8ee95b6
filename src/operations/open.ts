import { join } from 'node:path'
import { type Argon2Cost, createArgon2Pool } from '../crypto/argon2-pool.ts'
import { openMasterKeyFile } from '../crypto/master-key-file.ts'
import { createSealer } from '../crypto/sealing.ts'
import type { Clock } from '../domain/clock.ts'
import { DEFAULT_FAILED_ATTEMPTS_POLICY } from '../domain/failed-attempts.ts'
import type { SingleSignOnSettings } from '../domain/single-sign-on.ts'
import type { Cluster } from '../embedded/cluster.ts'
import { createSharedCounters } from '../storage/attempt-counters.ts'
import { isAnyDataKeyStored } from '../storage/data-keys.ts'
import { findPlainHashesUntil } from '../storage/keyed-hashes.ts'
import { cacheSizes } from './cache-sizes.ts'
import { createMemoryCounters } from './clients/attempt-counters.ts'
import { createFailedAttempts } from './clients/failed-attempts.ts'
import type { Dependencies } from './dependencies.ts'
import { type KeyFetchSettings, PUBLIC_ONLY } from './federation/guarded-fetch.ts'
import { type MigrationOptions, type Migrations, migrateWhenReachable } from './migrate.ts'
import { createOperations, type Operations } from './operations.ts'
import { openPools, type Pools } from './pools.ts'
import type { ReadReplicaSettings } from './read-replica.ts'
import { openPortalSealer, openVerifierKey } from './realms/data-keys.ts'
import { refusals } from './refusals.ts'

export interface OpenOptions extends MigrationOptions {
  /** The embedded PostgreSQL in `dataDir`, if it is being created already. */
  readonly cluster?: Promise<Cluster> | undefined
  readonly publicUrl: string
  /** base64url; the first one seals, all open. `undefined`: keys are kept in `dataDir`. */
  readonly masterKeys: readonly string[] | undefined
  /** `undefined`: people sign in to the portal by one-time link only. */
  readonly singleSignOn?: SingleSignOnSettings | undefined
  /** How keys of other issuers are fetched, and how web hooks are sent. Default: public addresses alone. */
  readonly keyFetching?: KeyFetchSettings
  readonly webhookSending?: KeyFetchSettings
  readonly clock: Clock
  readonly poolSize: number
  /** A standby for the reads of token requests. Default: the primary. */
  readonly readReplica?: ReadReplicaSettings | undefined
  /** Memory that this process may take. Default: no limit. */
  readonly memoryBytes?: number | undefined
  /** Where failed attempts are counted. Default: in this process. */
  readonly failedAttemptsStore?: 'memory' | 'postgres'
  /** Cost of new argon2id hashes. Default: `ARGON2_COST`. */
  readonly hashCost?: Argon2Cost | undefined
}

export interface OpenedOperations extends Migrations {
  readonly operations: Operations
  /** Address for processes that share this database. */
  readonly databaseUrl: string
  readonly masterKeys: readonly string[]
  close(): Promise<void>
}

/**
 * Starts the embedded database or waits for the configured one, migrates it, and opens its keys.
 * @throws DatabaseUnreachableError, EmbeddedPostgresError, MigrationError, MissingMasterKeyError, WrongMasterKeyError
 */
export async function openOperations(options: OpenOptions): Promise<OpenedOperations> {
  const { dataDir, log } = options
  if (options.databaseUrl !== undefined) return openOn(options.databaseUrl, options, async () => {})
  // Loaded late: most servers use a PostgreSQL of their own.
  const { openEmbeddedPostgres } = await import('../embedded/embedded-postgres.ts')
  const embedded = await openEmbeddedPostgres(dataDir, log, options.cluster)
  try {
    return await openOn(embedded.connectionString, options, () => embedded.close())
  } catch (error) {
    await embedded.close()
    throw error
  }
}

async function openOn(
  databaseUrl: string,
  options: OpenOptions,
  closeEmbedded: () => Promise<void>,
): Promise<OpenedOperations> {
  const { pools, reached: migrations } = await openPools(databaseUrl, options, (db) =>
    migrateWhenReachable(db, databaseUrl, options),
  )
  const close = async () => {
    await pools.close()
    await closeEmbedded()
  }
  try {
    // A lost key file is not replaced: a new key opens nothing that the old one sealed, and its file would look right.
    const mayMake = async () => !(await isAnyDataKeyStored(pools.db))
    const file = join(options.dataDir, 'master-key')
    const masterKeys = options.masterKeys ?? (await openMasterKeyFile(file, mayMake))
    const operations = createOperations(await openDependencies(pools, masterKeys, options))
    return { operations, ...migrations, databaseUrl, masterKeys, close }
  } catch (error) {
    await pools.close()
    throw error
  }
}

async function openDependencies(
  { close: _, ...databases }: Pools,
  masterKeys: readonly string[],
  options: OpenOptions,
): Promise<Dependencies> {
  const { clock, publicUrl, log, singleSignOn, failedAttemptsStore = 'memory' } = options
  const { db, tokenDb } = databases
  const sealer = createSealer(
    masterKeys.map((key) => Buffer.from(key, 'base64url')),
    { opensUnbound: true },
  )
  const verifierKey = await openVerifierKey(db, sealer, clock)
  const portalSealer = await openPortalSealer(db, sealer, clock)
  const policy = DEFAULT_FAILED_ATTEMPTS_POLICY
  const own = createMemoryCounters(clock, policy)
  const shared = failedAttemptsStore === 'memory' ? own : createSharedCounters(tokenDb, clock, policy, own)
  const failedAttempts = createFailedAttempts({ db, tokenDb, clock }, { own, shared }, policy)
  return {
    ...databases,
    clock,
    publicUrl,
    sealer,
    argon2: createArgon2Pool({ cost: options.hashCost }),
    cacheSizes: cacheSizes(options.memoryBytes),
    verifierKey,
    failedAttempts,
    keyFetching: options.keyFetching ?? PUBLIC_ONLY,
    webhookSending: options.webhookSending ?? PUBLIC_ONLY,
    refusals: refusals({ db, clock, log }),
    plainHashesUntil: await findPlainHashesUntil(db),
    log,
    portalSealer,
    singleSignOn,
  }
}
