import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { type Database, isStatementTimeout, poolOf } from './database.ts'
import { isReading } from './reading-statements.ts'
import { OtherStandbyError } from './standby.ts'
import type { Tables } from './tables.ts'

export interface ReadRoute {
  /** The standby, if it is known to be new enough at this moment; otherwise the primary is read. */
  standby(): Database | undefined
  /** The standby does not answer, or not in time. */
  onStandbyAway(error: Error): void
  /** A read was sent there. */
  onRead(server: 'standby' | 'primary'): void
}

/** A standby that hangs must leave time to ask the primary: a look-up has 1.2 s. */
const STANDBY_MILLISECONDS = 400

/** If a proxy picks one of three standbys at random, none of 16 connections leads to the right one once in 650 times. */
const CONNECTION_ATTEMPTS = 16

/** Reads that go to a standby while it is new enough, else to the primary. Also those that the standby gave up on. */
export function openRoutedReads(primary: Database, route: ReadRoute): Database {
  async function read(text: string, values: unknown[]): Promise<pg.QueryResult> {
    if (!isReading(text)) throw new TypeError('only reads are routed')
    const standby = route.standby()
    if (standby) {
      try {
        const found = await inTime(queryStandby(standby, text, values))
        route.onRead('standby')
        return found
      } catch (error) {
        // A conflict with what the standby replays ends one read; anything else is about the standby itself.
        if (!isStatementTimeout(error)) route.onStandbyAway(error as Error)
      }
    }
    route.onRead('primary')
    return queryIn(primary, text, values)
  }

  const client = { query: read, release: () => {} }
  const pool = { options: {}, connect: async () => client, end: async () => {} }
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as never }) })
}

async function queryStandby(db: Database, text: string, values: unknown[]): Promise<pg.QueryResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await queryIn(db, text, values)
    } catch (error) {
      if (attempt === CONNECTION_ATTEMPTS || !(error instanceof OtherStandbyError)) throw error
    }
  }
}

async function queryIn(db: Database, text: string, values: unknown[]): Promise<pg.QueryResult> {
  const client = await poolOf(db).connect()
  try {
    return await client.query(text, values)
  } finally {
    client.release()
  }
}

async function inTime<T>(read: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error('timeout: the standby does not answer')),
    STANDBY_MILLISECONDS,
  )
  try {
    return await Promise.race([read, late])
  } finally {
    clearTimeout(timer)
  }
}
