import { Kysely, PostgresDialect, sql, type Transaction, type TransactionBuilder } from 'kysely'
import pg from 'pg'
import { waitForReaders } from './commit-waits.ts'
import { QUERY_MILLISECONDS } from './connection-settings.ts'
import { PatientClient, type PatientClientConfig } from './patient-client.ts'
import type { Tables } from './tables.ts'

export {
  DatabaseSettingError,
  describeDatabaseError,
  isDatabaseAway,
  isDatabaseUnreachable,
  isOfSomeRows,
  isStatementTimeout,
  reasonOf,
  violatedConstraint,
} from './database-error.ts'

/** A pool or a transaction. */
export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>

export interface DatabaseOptions {
  readonly connectionString: string
  /** Maximum number of connections. */
  readonly poolSize: number
  /** Called when an idle connection breaks; the pool replaces it. */
  readonly onIdleError: (error: Error) => void
  /** Called for each error that is the database's fault, not the request's. */
  readonly onFault?: (error: Error) => void
  /** Looks at each new connection before its first use. Rejects where it is not to be used. */
  readonly admit?: (client: PatientClient) => Promise<void>
  /** Keeps idle connections. Default: false; the pool closes them after ten seconds. */
  readonly keepsIdle?: boolean
  /** Keeps the plans of `preparedStatement`. Default: false. */
  readonly prepares?: boolean
}

/** statement_timeout in a transaction: PostgreSQL cannot tell that the client gave up. */
const STATEMENT_MILLISECONDS = 1400

/** PostgreSQL ends a transaction whose node is silent for this long: a stopped node must not keep its locks. */
const IDLE_MILLISECONDS = 5000

/** TCP keep-alive starts after this idle time, so that a connection to a dead machine breaks soon. */
const KEEP_ALIVE_MILLISECONDS = 10_000

export const APPLICATION_NAME = 'mintmark'

export function openDatabase(options: DatabaseOptions): Database {
  const { connectionString, poolSize, onIdleError, onFault, admit, keepsIdle, prepares = false } = options
  const kept = new Set<PatientClient>()
  const own: PatientClientConfig = { kept, preparing: { allowed: prepares }, ...(onFault && { onFault }) }
  const pool = new pg.Pool({
    ...own,
    // The declared type wants all overloads of pg.
    Client: PatientClient as never,
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: QUERY_MILLISECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MILLISECONDS,
    application_name: APPLICATION_NAME,
    ...(keepsIdle && { idleTimeoutMillis: 0 }),
    ...(admit && { verify: (client, done) => void admit(client as never).then(() => done(), done) }),
  })
  pool.on('error', onIdleError)
  // A connection that breaks inside a transaction fails its next statement; nothing more is needed.
  pool.on('connect', (client) => client.on('error', () => {}))
  const end = () => {
    for (const client of kept) client.abandon()
    return pool.end()
  }
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: { options: pool.options, connect: () => pool.connect(), end } }),
  })
  pools.set(db, pool)
  return db
}

const pools = new WeakMap<Database, pg.Pool>()

/** A pg pool, for a library that needs one. */
export function poolOf(db: Database): pg.Pool {
  const pool = pools.get(db)
  if (!pool) throw new TypeError('not a database of openDatabase')
  return pool
}

export interface PoolMeasurement {
  readonly total: number
  readonly idle: number
  /** Queries that wait for a connection. */
  readonly waiting: number
}

/** Current connections of the pool. */
export function measureConnections(db: Database): PoolMeasurement {
  const { totalCount, idleCount, waitingCount } = poolOf(db)
  return { total: totalCount, idle: idleCount, waiting: waitingCount }
}

/**
 * Read committed, whatever the database's default: a statement after a lock sees what was committed before the lock.
 * A snapshot of the whole transaction would be older than its locks, and two changes could miss each other.
 */
export function beginTransaction<T>(db: Kysely<T>): TransactionBuilder<T> {
  return db.transaction().setIsolationLevel('read committed')
}

export function isTransaction(db: Database): db is DatabaseTransaction {
  return db.isTransaction
}

/** Undoes what failed work has written, and no more of its transaction. */
export async function inSavepoint<T>(trx: DatabaseTransaction, work: () => Promise<T>): Promise<T> {
  await sql`savepoint part`.execute(trx)
  try {
    const result = await work()
    await sql`release savepoint part`.execute(trx)
    return result
  } catch (error) {
    // Fails where the connection has: the first error is the one to tell.
    await sql`rollback to savepoint part`.execute(trx).catch(() => {})
    throw error
  }
}

/** Runs in one snapshot, which no change made meanwhile is seen in. Nothing can be written. */
export function inSnapshot<T>(db: Database, work: (trx: DatabaseTransaction) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work)
}

export interface TransactionOptions {
  /** statement_timeout. */
  readonly statementMilliseconds?: number
  /** The change affects no decision of nodes that read a standby, so the caller does not wait for them. */
  readonly readersMayLag?: boolean
}

/**
 * Runs a transaction, and waits until every node sees its changes.
 * @param db a transaction: the work is a part of it, with its settings, and is not tried again
 */
export async function inTransaction<T>(
  db: Database,
  work: (trx: DatabaseTransaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const result = await runTransaction(db, work, options)
  if (options.readersMayLag !== true) await waitForReaders(db)
  return result
}

/**
 * Runs a transaction; retries after a deadlock or a serialization failure.
 * @param db a transaction: the work is a part of it, with its settings, and is not tried again
 */
export async function runTransaction<T>(
  db: Database,
  work: (trx: DatabaseTransaction) => Promise<T>,
  { statementMilliseconds = STATEMENT_MILLISECONDS }: TransactionOptions = {},
): Promise<T> {
  if (isTransaction(db)) return work(db)
  for (let attempt = 1; ; attempt++) {
    try {
      return await beginTransaction(db).execute(async (trx) => {
        await sql`select set_config('statement_timeout', ${String(statementMilliseconds)}, true),
          set_config('lock_timeout', '0', true),
          set_config('idle_in_transaction_session_timeout', ${String(IDLE_MILLISECONDS)}, true)`.execute(trx)
        return work(trx)
      })
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      if (attempt === 5 || (code !== '40P01' && code !== '40001')) throw error
    }
  }
}

/** The database's current time. */
export async function readDatabaseTime(db: Database): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  return (rows[0] as { now: Date }).now
}
