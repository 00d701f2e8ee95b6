import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { requestCancel } from './cancel-request.ts'
import type { ParameterStatus } from './connection-settings.ts'
import { QUERY_MILLISECONDS, STARTUP_SETTINGS, settingFault } from './connection-settings.ts'
import { type DatabaseSettingError, isDatabaseAway, markConnectionError } from './database-error.ts'
import { isBackendGone } from './dead-backends.ts'
import { type NamedStatement, PreparedStatements, type Preparing } from './prepared-statements.ts'
import { isReading } from './reading-statements.ts'
import { rowTypes } from './row-values.ts'
import { expire, type QueryCallback, timeoutError, type Waiting } from './waiting-query.ts'

/** How often to ask whether PostgreSQL still runs a statement that timed out. */
const LOOK_MILLISECONDS = 5000

export interface PatientClientConfig extends pg.ClientConfig {
  /** Called for each error that is the database's fault. */
  readonly onFault?: (error: Error) => void
  /** Connections on which PostgreSQL still runs a statement that timed out. */
  readonly kept?: Set<PatientClient>
  /** Prepares what `preparedStatement` names where it is connected to PostgreSQL itself. Default: none is prepared. */
  readonly preparing?: Preparing
}

/**
 * Implements a query timeout and promises itself. In pg's own implementation query and callback reference each other, and
 * a tenth of what requests allocate would survive young garbage collections.
 */
export class PatientClient extends pg.Client {
  // Parts of pg that its types leave out. The pool drops a client that is ending.
  declare _ending: boolean
  declare readonly processID: number
  declare readonly secretKey: number
  declare release: (error?: boolean) => void
  readonly #config: PatientClientConfig
  readonly #wrongSettings = new Map<string, DatabaseSettingError>()
  #gaveUp = false
  #cancelled = Promise.resolve()
  #answered: (() => void) | undefined
  #waiting: Waiting | undefined
  #prepared: PreparedStatements | undefined

  constructor(config: PatientClientConfig) {
    super({ ...config, types: rowTypes })
    this.#config = config
    const connection = this.connection as unknown as NodeJS.EventEmitter
    connection.on('parameterStatus', (status: ParameterStatus) => this.#check(status))
  }

  // pg calls it before the first message of a connection.
  getStartupConf(): Record<string, string> {
    const { getStartupConf } = pg.Client.prototype as unknown as PatientClient
    return { ...getStartupConf.call(this), ...STARTUP_SETTINGS }
  }

  // @ts-expect-error pg declares two overloads: the pool calls it with a callback.
  override connect(callback?: (error?: Error) => void): Promise<void> | undefined {
    if (callback)
      return void super.connect((error?: Error) =>
        error ? callback(this.#noteConnection(error)) : this.#prepareIfDirect(callback),
      )
    return super.connect().then(
      () => {},
      (error) => {
        throw this.#noteConnection(error)
      },
    )
  }

  /** Closes the connection: the next query would wait behind the old one, and a late `begin` would keep a transaction open. */
  giveUp(text: string): void {
    this.#gaveUp = true
    if (isReading(text)) {
      this._ending = true
      this.#cancelled = requestCancel(this.#config, this)
      this.end().catch(() => {})
    } else this.#keepSlot()
  }

  /** Frees the pool slot of a statement that timed out. */
  abandon(): void {
    this.#answered?.()
  }

  /** Cancels the query under way. Its caller gets an error, and the connection closes. */
  cancelQuery(): void {
    if (!this.#waiting?.callback) return
    this.#waiting.cancelled = true
    expire(this.#waiting)
  }

  /** Waits for the cancel request: a pooler needs this connection to find its target. */
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
    // After a timeout kysely still rolls back; the caller gets the first error.
    if (this.#gaveUp) return void process.nextTick(callback, timeoutError())
    if (this.#wrongSettings.size > 0) return this.#refuseSettings(callback)
    const waiting: Waiting = { client: this, text, callback }
    this.#waiting = waiting
    const timer = setTimeout(expire, QUERY_MILLISECONDS, waiting)
    const done: QueryCallback = (error, result) => {
      clearTimeout(timer)
      if (error && !waiting.cancelled) this.#noteFault(error)
      if (waiting.callback) waiting.callback(error, result)
      else this.#answered?.()
    }
    const name = this.#prepared?.nameOf(text)
    if (name === undefined) super.query(text, values, done)
    else this.#queryByName({ name, text, values }, done)
  }

  #queryByName(statement: NamedStatement, done: QueryCallback): void {
    const first: QueryCallback = (error, result) => {
      const again = error && !this.#gaveUp && this.#prepared?.isRefused(error)
      if (again) super.query(statement.text, statement.values, done)
      else done(error, result)
    }
    // With a callback pg returns no promise.
    void super.query(statement, first as () => void)
  }

  /** A pooler between tells another process id than PostgreSQL does, and may send each statement to another backend. */
  #prepareIfDirect(callback: (error?: Error) => void): void {
    const { preparing } = this.#config
    if (!preparing?.allowed) return void callback()
    // The pool listens from its callback on; an error that nobody listens to would end the process.
    this.on('error', ignore)
    this.#query('select pg_backend_pid() as pid', [], (error, result) => {
      if (result?.rows[0]?.pid === this.processID)
        this.#prepared = new PreparedStatements(this.connection, preparing)
      // The pool forgets a client that failed to connect.
      if (error) this.end().catch(ignore)
      callback(error && this.#noteConnection(error))
      if (!error) this.off('error', ignore)
    })
  }

  #noteFault(error: Error): Error {
    if (isDatabaseAway(error)) this.#config.onFault?.(error)
    return error
  }

  #noteConnection(error: Error): Error {
    markConnectionError(error)
    return this.#noteFault(error)
  }

  #refuseSettings(callback: QueryCallback): undefined {
    this._ending = true
    const [error] = this.#wrongSettings.values()
    process.nextTick(callback, this.#noteFault(error as DatabaseSettingError))
  }

  #check({ parameterName: name, parameterValue: value }: ParameterStatus): void {
    const fault = settingFault(name, value)
    if (fault) this.#wrongSettings.set(name, fault)
    else this.#wrongSettings.delete(name)
  }

  /** A COMMIT waits while its standby is away. Its slot stays taken: such backends would reach max_connections. */
  #keepSlot(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { release } = this
    this.#config.kept?.add(this)
    this.#answered = () => {
      this.#answered = undefined
      this.#config.kept?.delete(this)
      resolve()
    }
    this.release = () => void promise.then(() => release(true))
    void this.#lookUntilAnswered()
  }

  /** A connection to a dead machine may get no answer for minutes. */
  async #lookUntilAnswered(): Promise<void> {
    while (this.#answered) {
      await sleep(LOOK_MILLISECONDS, undefined, { ref: false })
      if (await isBackendGone(this.#config, this.processID)) this.#answered?.()
    }
  }
}

function ignore(): void {}
