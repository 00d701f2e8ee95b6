import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { beginTransaction } from './database.ts'
import { isMisfit, MigrationError, runMigrations } from './migration-texts.ts'

const FOLDER = join(import.meta.dirname, '../../migrations')

/** Lock that every version holds while it migrates. */
const LOCK = sql.lit(3853314791062309107n)

/** lock_timeout of a migration. Token requests queue behind a migration that waits for a table. */
const LOCK_MILLISECONDS = 300

/** Initial and maximum pause between two attempts to get the locks. */
const MIN_DELAY_MILLISECONDS = 500
const MAX_DELAY_MILLISECONDS = 5000

/** PostgreSQL ends the migration of a node that is silent for this long. */
const IDLE_MILLISECONDS = 60_000

export interface MigrateOptions {
  /** How long to try to lock the tables, in seconds. Default 60. */
  readonly lockWaitSeconds?: number
  /** Called with the reason why a migration waits. */
  readonly log?: (message: string) => void
  readonly signal?: AbortSignal | undefined
  /** Folder of the files. Default: the files of this version. */
  readonly folder?: string
}

/**
 * Applies pending migrations in one transaction, under a lock. Returns their names.
 * @throws MigrationError
 */
export async function migrateToLatest(
  connectionString: string,
  { lockWaitSeconds = 60, log = () => {}, signal, folder = FOLDER }: MigrateOptions = {},
): Promise<string[]> {
  // A separate connection without a timeout: a migration may take long.
  const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 5000 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  const deadline = performance.now() + lockWaitSeconds * 1000
  let isOneByOne = false
  try {
    for (let delay = MIN_DELAY_MILLISECONDS; ; delay = Math.min(2 * delay, MAX_DELAY_MILLISECONDS)) {
      // Also protects a database that is newer than this node: it leaves unknown migrations alone.
      if ((await requirePending(db, folder)).length === 0) return []
      try {
        return await beginTransaction(db).execute((trx) => applyPending(trx, { folder, isOneByOne }))
      } catch (error) {
        if (!isLockFailure(error)) {
          if (isOneByOne || !isMisfit(error)) throw error
          isOneByOne = true
          continue
        }
        const holder = `migrations wait for a table that ${await describeOldestTransaction(db)} uses`
        if (performance.now() + delay > deadline)
          throw new MigrationError(`${holder}; end that session or wait until it is done, and try again`)
        log(`${holder}; trying again in ${delay / 1000} s`)
        await sleep(delay, undefined, { signal: signal as AbortSignal })
      }
    }
  } finally {
    await db.destroy()
  }
}

/** Migrations of this version that the database lacks. */
export async function pendingMigrations<T>(db: Kysely<T>): Promise<string[]> {
  return (await compareMigrations(db)).pending
}

interface Comparison {
  readonly pending: string[]
  /** Migrations of the database that this version does not know: a newer version applied them. */
  readonly unknown: string[]
}

/** Compares the migrations of the database with those of this version. */
export async function compareMigrations<T>(db: Kysely<T>, folder = FOLDER): Promise<Comparison> {
  const known = (await listFiles(folder)).map(nameOf)
  if (!(await isTable(db, 'kysely_migration'))) return { pending: known, unknown: [] }
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  const applied = rows.map(({ name }) => name)
  return {
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  }
}

async function requirePending<T>(db: Kysely<T>, folder: string): Promise<string[]> {
  const { pending, unknown } = await compareMigrations(db, folder)
  if (pending.length > 0 && unknown.length > 0)
    throw new MigrationError(
      `the database has migrations that this version does not know (${unknown.join(', ')}) and lacks some that it ` +
        `needs (${pending.join(', ')}): start the version that migrated it, or a newer one`,
    )
  return pending
}

async function applyPending(
  trx: Transaction<unknown>,
  how: { readonly folder: string; readonly isOneByOne: boolean },
): Promise<string[]> {
  await setTimeouts(trx)
  await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx)
  // Another node may have applied them meanwhile.
  const pending = await requirePending(trx, how.folder)
  try {
    await sql`select set_config('lock_timeout', ${String(LOCK_MILLISECONDS)}, true)`.execute(trx)
    await createTables(trx)
    await runMigrations(trx, pending, how)
    await sql`insert into kysely_migration (name, timestamp)
      select name, to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
      from unnest(${pending}::text[]) name`.execute(trx)
    return pending
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '42501')) throw error
    throw new MigrationError(
      `migrations are pending (${pending.join(', ')}) and the role of DATABASE_URL may not apply them ` +
        `(42501: ${error.message}): run mintmark migrate as the role that owns the database's tables; on an empty ` +
        'database grant it CREATE: grant create on schema public to <role>',
    )
  }
}

/** Lifts the limits that role or database set for a session. Skips settings that this PostgreSQL does not have. */
async function setTimeouts(trx: Transaction<unknown>): Promise<void> {
  await sql`select set_config(name, case name when 'idle_in_transaction_session_timeout'
      then ${String(IDLE_MILLISECONDS)} else '0' end, true)
    from pg_catalog.pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`.execute(
    trx,
  )
}

/** The table of kysely's migrator, which earlier versions used. */
async function createTables(trx: Transaction<unknown>): Promise<void> {
  if (!(await isTable(trx, 'kysely_migration')))
    await sql`create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)`.execute(
      trx,
    )
  if (await isTable(trx, 'kysely_migration_lock')) return
  await sql`create table kysely_migration_lock
    (id varchar(255) primary key, is_locked integer default 0 not null)`.execute(trx)
  await sql`insert into kysely_migration_lock values ('migration_lock', 0)`.execute(trx)
}

/** Avoids to_regclass, which may answer from a cache older than the lock. */
async function isTable<T>(db: Kysely<T>, name: string): Promise<boolean> {
  const { rows } = await sql`select from pg_catalog.pg_class
    where relname = ${name} and relnamespace = any(current_schemas(false)::regnamespace[])`.execute(db)
  return rows.length > 0
}

/** Another session held a lock for too long, or there was a deadlock. */
function isLockFailure(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '55P03' || error.code === '40P01')
}

async function describeOldestTransaction<T>(db: Kysely<T>): Promise<string> {
  const { rows } = await sql<{ pid: number; name: string; seconds: number }>`
    select pid, application_name as name, extract(epoch from clock_timestamp() - xact_start)::int as seconds
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
    order by xact_start limit 1
  `.execute(db)
  const [oldest] = rows
  if (!oldest) return 'another session'
  return `session ${oldest.pid} (${oldest.name || 'without a name'}, in a transaction for ${oldest.seconds} s)`
}

async function listFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
}

function nameOf(file: string): string {
  return file.slice(0, -'.sql'.length)
}
