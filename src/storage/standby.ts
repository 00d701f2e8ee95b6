import type pg from 'pg'
import { QUERY_MILLISECONDS } from './connection-settings.ts'
import { APPLICATION_NAME, type Database, openDatabase } from './database.ts'
import { PatientClient } from './patient-client.ts'

/** The standby cannot be read, though it answers. */
export class StandbyError extends Error {
  override readonly name = 'StandbyError'
}

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
  /** The newest beat that it shows. */
  readBeat(): Promise<number>
  close(): Promise<void>
}

/** Several servers behind one address, or a restart, differ in at least one of these. */
const IDENTITY = `select pg_backend_pid() as pid,
    concat_ws(' ', pg_postmaster_start_time(), host(inet_server_addr()), inet_server_port()) as server,
    coalesce((select beat from read_leases where reader = $1), 0) as beat`

const BEAT = 'select coalesce(max(beat), 0) as beat from read_leases where reader = $1'

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
  let server: string
  try {
    await watch.connect()
    server = (await identify(watch, reader)).server
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
    admit: async (client) => {
      const found = await identify(client, reader)
      if (found.server !== server)
        throw new StandbyError('DATABASE_READ_URL leads to several servers: name one standby')
      if (found.beat < provenBeat()) throw new StandbyError('the standby started again and is behind')
    },
  })
  return {
    db,
    readBeat: async () => Number((await watch.query(BEAT, [reader]))?.rows[0].beat),
    close: async () => {
      await Promise.allSettled([watch.end(), db.destroy()])
    },
  }
}

async function identify(client: PatientClient, reader: string): Promise<{ server: string; beat: number }> {
  const { rows } = (await client.query(IDENTITY, [reader])) as pg.QueryResult
  const { pid, server, beat } = rows[0]
  if (pid !== client.processID)
    throw new StandbyError('DATABASE_READ_URL leads through a pooler: name the standby itself')
  return { server, beat: Number(beat) }
}
