import { Kysely, PostgresDialect, sql, type Transaction, type TransactionBuilder } from 'kysely'
import pg from 'pg'
import { requestCancel } from './cancel-request.ts'
import type { Tables } from './tables.ts'

/** Either a pool or a transaction; a `DatabaseTransaction` is one too. */
export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>

export interface DatabaseOptions {
  readonly connectionString: string
  /** Connections at most. */
  readonly poolSize: number
  /** Hears of connections that broke while idle; the pool replaces them. */
  readonly onIdleError: (error: Error) => void
}

/** How long a request waits for a connection or an answer before it says that the database is away. */
const PATIENCE_MILLISECONDS = 1500

/** After it PostgreSQL itself ends a statement of a transaction: of one that nobody waits for any more it would not know. */
const STATEMENT_MILLISECONDS = 1400

/** PostgreSQL ends a transaction whose node says nothing for this long: a stopped node must not keep its locks. */
const IDLE_MILLISECONDS = 5000

export function openDatabase({ connectionString, poolSize, onIdleError }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    // Its type wants all overloads of pg.
    Client: PatientClient as never,
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: PATIENCE_MILLISECONDS,
    keepAlive: true,
    application_name: 'mintmark',
  })
  pool.on('error', onIdleError)
  // One that breaks in the middle of a transaction, between two statements: the next statement fails, and that is enough.
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  pools.set(db, pool)
  return db
}

/**
 * Waits for an answer as `query_timeout` would, and answers promises itself. What pg does for either has a query and its
 * callback hold each other through a closure, which V8 frees with the old generation only: a tenth of all that requests
 * allocate would get that far.
 */
class PatientClient extends pg.Client {
  // Of pg, whose types leave these out. The pool keeps no client that is ending.
  declare _ending: boolean
  declare readonly processID: number
  declare readonly secretKey: number
  readonly #config: pg.ClientConfig
  #gaveUp = false
  #cancelled = Promise.resolve()

  constructor(config: pg.ClientConfig) {
    super(config)
    this.#config = config
  }

  /** The connection goes: the next query would wait behind the old one, and a `begin` that is done later would hold it. */
  giveUp(text: string): void {
    this.#gaveUp = true
    this._ending = true
    if (READING.test(text)) this.#cancelled = requestCancel(this.#config, this)
    this.end().catch(() => {})
  }

  /** After the cancel request: a pooler finds by this connection what it is about. */
  // @ts-expect-error pg declares two overloads.
  override end(callback?: () => void): Promise<void> {
    return this.#cancelled.then(() => super.end()).then(callback)
  }

  // @ts-expect-error pg declares ten overloads; kysely and the pool call it in these two ways.
  override query(
    text: string,
    values: unknown[],
    callback?: QueryCallback,
  ): Promise<pg.QueryResult> | undefined {
    if (callback) return this.#query(text, values, callback)
    const { promise, resolve, reject } = Promise.withResolvers<pg.QueryResult>()
    this.#query(text, values, (error, result) => (error ? reject(error) : resolve(result as pg.QueryResult)))
    return promise
  }

  #query(text: string, values: unknown[], callback: QueryCallback): undefined {
    // Of a transaction its rollback, whose error is the one that is told.
    if (this.#gaveUp) return void process.nextTick(callback, timeoutError())
    const waiting: Waiting = { client: this, text, callback }
    const timer = setTimeout(expire, PATIENCE_MILLISECONDS, waiting)
    super.query(text, values, (error, result) => {
      clearTimeout(timer)
      waiting.callback?.(error, result)
    })
  }
}

type QueryCallback = (error: Error, result?: pg.QueryResult) => void

/**
 * PostgreSQL ends those of transactions itself, and of a commit or another write that waits for a standby it would say,
 * when asked to end it, that it is done.
 */
const READING = /^\s*select\b/i

interface Waiting {
  readonly client: { giveUp(text: string): void }
  readonly text: string
  callback?: QueryCallback | undefined
}

function expire(waiting: Waiting): void {
  const { client, text, callback } = waiting
  waiting.callback = undefined
  client.giveUp(text)
  callback?.(timeoutError())
}

/** As pg says it of `query_timeout`. */
function timeoutError(): Error {
  return new Error('Query read timeout')
}

const pools = new WeakMap<Database, pg.Pool>()

/** For a library that works with a pool itself. */
export function poolOf(db: Database): pg.Pool {
  const pool = pools.get(db)
  if (!pool) throw new TypeError('not a database of openDatabase')
  return pool
}

/** Connections of the pool now, and queries that wait for one. */
export function measureConnections(db: Database): { total: number; idle: number; waiting: number } {
  const { totalCount, idleCount, waitingCount } = poolOf(db)
  return { total: totalCount, idle: idleCount, waiting: waitingCount }
}

/**
 * Read committed, whatever the database's default is: a statement that comes after a lock sees what was done before it.
 * A snapshot of the whole transaction would be older than its locks, and two changes could each miss the other.
 */
export function beginTransaction<T>(db: Kysely<T>): TransactionBuilder<T> {
  return db.transaction().setIsolationLevel('read committed')
}

/** Runs a transaction, again where PostgreSQL ended it for another's sake: deadlock, serialization. */
export async function inTransaction<T>(
  db: Database,
  work: (trx: DatabaseTransaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await beginTransaction(db).execute(async (trx) => {
        await sql`select set_config('statement_timeout', ${String(STATEMENT_MILLISECONDS)}, true),
          set_config('idle_in_transaction_session_timeout', ${String(IDLE_MILLISECONDS)}, true)`.execute(trx)
        return work(trx)
      })
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      if (attempt === 5 || (code !== '40P01' && code !== '40001')) throw error
    }
  }
}

/** Whether the database, rather than what was asked of it, is at fault: away, starting, stopping or overloaded. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') {
    // PostgreSQL classes 08 connection, 53 resources, 57P operator's intervention, 57014 a statement that took too long,
    // 25006 a primary that is none any more, 25P03 a transaction that was silent too long, 55000 no connections taken.
    return (
      /^(08|53|57P|57014|25006|25P03|55000)/.test(code) ||
      // With a path it is about a file of our own.
      (/^(ECONN|ENOENT|ENOTFOUND|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN)/.test(code) && !('path' in error))
    )
  }
  // An error of our own may quote what was asked for.
  if (error.constructor !== Error) return false
  return /timeout|Connection terminated|Client has encountered a connection error|not queryable/i.test(
    error.message,
  )
}

/** Whether PostgreSQL ended a statement that took too long, as one does that waits for what another session holds. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '57014'
}

/** What PostgreSQL, or the network before it, says; `undefined` for an error of another kind. */
export function describeDatabaseError(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError) && !isDatabaseAway(error)) return undefined
  return `the database does not do what it is asked: ${reasonOf(error)}`
}

/** The code and the message of an error, where it has them: of several addresses that were tried there is no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  return [code, message].filter(Boolean).join(': ')
}

/** What the database's clock says. */
export async function readDatabaseTime(db: Database): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  return (rows[0] as { now: Date }).now
}

/** PostgreSQL's name of the constraint that an error is about. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined
}
