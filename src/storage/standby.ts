import type pg from 'pg'
import { QUERY_MILLISECONDS } from './connection-settings.ts'
import { APPLICATION_NAME, type Database, openDatabase } from './database.ts'
import { PatientClient } from './patient-client.ts'

/** The standby cannot be read, though it answers. */
export class StandbyError extends Error {
  override readonly name = 'StandbyError'
}

/** A new connection leads to another server than the one that showed the proven beat. The next connection may lead to that one. */
export class OtherStandbyError extends StandbyError {}

export interface StandbyOptions {
  readonly connectionString: string
  readonly poolSize: number
  /** Whose beats to look for. */
  readonly reader: string
  /** Connections with an older beat are refused: the standby has crashed and lags behind what it showed before. */
  readonly provenBeat: () => number
  readonly onFault: (error: Error) => void
}

/** One server, as long as one connection to it lives. What it shows only moves forward meanwhile. */
export interface Standby {
  /** For reads; each of its connections is to the same server. */
  readonly db: Database
  /** When it was opened, by `performance.now()`. */
  readonly openedAt: number
  /**
   * The newest beat that it shows.
   * @throws StandbyError where it is the primary: its address may lead to a standby by now
   */
  readBeat(): Promise<number>
  close(): Promise<void>
}

/** How long to read a primary to which DATABASE_READ_URL leads before another connection is tried. */
const PRIMARY_MILLISECONDS = 10_000

/** Several servers behind one address, or a restart, differ in at least one of these. */
const IDENTITY = `select pg_backend_pid() as pid,
    concat_ws(' ', pg_postmaster_start_time(), host(inet_server_addr()), inet_server_port()) as server,
    not pg_is_in_recovery() as is_primary,
    coalesce((select beat from read_leases where reader = $1), 0) as beat`

const BEAT = `select coalesce(max(beat), 0) as beat, not pg_is_in_recovery() as is_primary from read_leases
  where reader = $1`

/** @throws StandbyError, or whatever keeps it from connecting */
export async function openStandby(options: StandbyOptions): Promise<Standby> {
  const { connectionString, poolSize, reader, provenBeat, onFault } = options
  const watch = new PatientClient({
    connectionString,
    connectionTimeoutMillis: QUERY_MILLISECONDS,
    keepAlive: true,
    application_name: APPLICATION_NAME,
  })
  // A broken connection fails its next query; nothing more is needed.
  watch.on('error', () => {})
  let own: Identity
  try {
    await watch.connect()
    own = await identify(watch, reader)
  } catch (error) {
    watch.end().catch(() => {})
    throw error
  }
  const db = openDatabase({
    connectionString,
    poolSize,
    onIdleError: () => {},
    onFault,
    prepares: true,
    // Behind a proxy a new one may take several attempts.
    keepsIdle: true,
    admit: async (client) => {
      const found = await identify(client, reader)
      if (found.server !== own.server)
        throw new OtherStandbyError('new connections of DATABASE_READ_URL lead to another server')
      if (found.beat < provenBeat()) throw new StandbyError('the standby started again and is behind')
    },
  })
  const openedAt = performance.now()
  return {
    db,
    openedAt,
    async readBeat() {
      const { rows } = (await watch.query(BEAT, [reader])) as pg.QueryResult
      const { beat, is_primary: isPrimary } = rows[0]
      if (isPrimary && !own.isPrimary) throw new StandbyError('the standby has become the primary')
      if (isPrimary && performance.now() - openedAt > PRIMARY_MILLISECONDS)
        throw new StandbyError('DATABASE_READ_URL leads to the primary')
      return Number(beat)
    },
    close: async () => {
      await Promise.allSettled([watch.end(), db.destroy()])
    },
  }
}

interface Identity {
  readonly server: string
  readonly beat: number
  readonly isPrimary: boolean
}

async function identify(client: PatientClient, reader: string): Promise<Identity> {
  const { rows } = (await client.query(IDENTITY, [reader])) as pg.QueryResult
  const { pid, server, beat, is_primary: isPrimary } = rows[0]
  if (pid !== client.processID)
    throw new StandbyError('DATABASE_READ_URL leads through a pooler: name the standby itself')
  return { server, beat: Number(beat), isPrimary }
}
