import { setTimeout as sleep } from 'node:timers/promises'
import { type Database, isDatabaseUnreachable, openDatabase, reasonOf } from '../storage/database.ts'
import { compareMigrations, migrateToLatest } from '../storage/migrations.ts'

export interface MigrationOptions {
  /** `undefined`: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly dataDir: string
  /** How long to wait for the database. */
  readonly databaseWaitSeconds: number
  /** How long migrations may wait for locked tables. Default: `databaseWaitSeconds`. */
  readonly lockWaitSeconds?: number
  /** Aborts these waits. */
  readonly signal?: AbortSignal
  readonly log: (message: string, error?: Error) => void
}

/** Outcome of a migration. */
export interface Migrations {
  /** Migrations that were applied now. */
  readonly migrated: readonly string[]
  /** Migrations of a newer version. */
  readonly unknownMigrations: readonly string[]
}

/** The database could not be reached in time. */
export class DatabaseUnreachableError extends Error {
  override readonly name = 'DatabaseUnreachableError'
}

/**
 * Applies pending migrations without opening any key. Returns their names.
 * @throws DatabaseUnreachableError
 * @throws EmbeddedPostgresError
 * @throws MigrationError
 */
export async function applyMigrations(options: MigrationOptions): Promise<readonly string[]> {
  const { databaseUrl, dataDir, log } = options
  if (databaseUrl !== undefined) return migrateAlone(databaseUrl, options)
  const { openEmbeddedPostgres } = await import('../embedded/embedded-postgres.ts')
  const embedded = await openEmbeddedPostgres(dataDir, log)
  try {
    return await migrateAlone(embedded.connectionString, options)
  } finally {
    await embedded.close()
  }
}

async function migrateAlone(databaseUrl: string, options: MigrationOptions): Promise<readonly string[]> {
  const db = openDatabase({ connectionString: databaseUrl, poolSize: 1, onIdleError: () => {} })
  try {
    return (await migrateWhenReachable(db, databaseUrl, options)).migrated
  } finally {
    await db.destroy()
  }
}

/**
 * Waits until the database answers, and applies what is pending.
 * @throws DatabaseUnreachableError
 * @throws MigrationError
 */
export async function migrateWhenReachable(
  db: Database,
  databaseUrl: string,
  { databaseWaitSeconds, lockWaitSeconds = databaseWaitSeconds, signal, log }: MigrationOptions,
): Promise<Migrations> {
  const deadline = performance.now() + databaseWaitSeconds * 1000
  for (let delay = 100; ; delay = Math.min(delay * 2, 2000)) {
    try {
      const { pending, unknown } = await compareMigrations(db)
      if (pending.length === 0) return { migrated: [], unknownMigrations: unknown }
      const migrated = await migrateToLatest(databaseUrl, { lockWaitSeconds, log, signal })
      return { migrated, unknownMigrations: (await compareMigrations(db)).unknown }
    } catch (error) {
      if (!isDatabaseUnreachable(error)) throw error
      const reason = reasonOf(error)
      if (performance.now() + delay > deadline)
        throw new DatabaseUnreachableError(
          `the database could not be reached within ${databaseWaitSeconds} s: ${reason}`,
        )
      log(`the database cannot be reached yet (${reason}); trying again in ${delay} ms`)
      await sleep(delay, undefined, { signal: signal as AbortSignal })
    }
  }
}
