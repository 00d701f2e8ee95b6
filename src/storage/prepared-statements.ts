import { CompiledQuery, type Kysely } from 'kysely'
import type pg from 'pg'
import type { Tables } from './tables.ts'

/** PostgreSQL makes a new plan each minute: one made while a table was small would read all of it once it has grown. */
const PLAN_MILLISECONDS = 60_000

/** The name is unknown or taken: a pooler shares backends among connections. */
const NAME_REFUSED = new Set(['26000', '42P05'])

/** Columns of a plan have changed, by a migration. */
const PLAN_REFUSED = '0A000'

/** By text. */
const names = new Map<string, string>()

/**
 * A statement whose plan the connections of a pool keep. Where PostgreSQL refuses the name, nothing was done, and the statement is
 * sent again without one. Pass an array as `(select $1::…[])`: PostgreSQL would plan anew for each length of `$1::…[]`.
 */
export function preparedStatement<Row>(name: string, text: string) {
  names.set(text, name)
  return async (db: Pick<Kysely<Tables>, 'executeQuery'>, values: readonly unknown[]): Promise<Row[]> => {
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))
    return rows
  }
}

export interface NamedStatement {
  readonly name: string
  readonly text: string
  readonly values: unknown[]
}

/** Whether a pool may prepare statements: false for good once one of its connections was refused a name. */
export interface Preparing {
  allowed: boolean
}

/** Names of the statements that one connection has prepared. */
export class PreparedStatements {
  readonly #connection: pg.Connection & { parsedStatements?: Record<string, string> }
  readonly #pool: Preparing
  readonly #held = new Map<string, string>()
  #minute = 0

  constructor(connection: pg.Connection, pool: Preparing) {
    this.#connection = connection
    this.#pool = pool
  }

  /** The name to send a text under; `undefined`: it is not one to prepare. */
  nameOf(text: string): string | undefined {
    const name = names.get(text)
    if (name === undefined || !this.#pool.allowed) return undefined
    const minute = Math.floor(performance.now() / PLAN_MILLISECONDS)
    if (minute !== this.#minute) this.#startAnew(minute)
    const held = this.#held.get(name) ?? `${name}_${minute}`
    this.#held.set(name, held)
    return held
  }

  /** Whether the error is about the name or the plan rather than the statement: it can be sent again, without a name. */
  isRefused(error: Error): boolean {
    const code = (error as pg.DatabaseError).code ?? ''
    if (NAME_REFUSED.has(code)) this.#pool.allowed = false
    else if (code === PLAN_REFUSED) this.#startAnew(this.#minute)
    else return false
    return true
  }

  #startAnew(minute: number): void {
    for (const held of this.#held.values()) {
      this.#connection.close({ type: 'S', name: held }, true)
      delete this.#connection.parsedStatements?.[held]
    }
    this.#held.clear()
    this.#minute = minute
  }
}
