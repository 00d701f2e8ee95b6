import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isDatabaseUnreachable, isStatementTimeout } from '../storage/database.ts'
import type { Cluster } from './cluster.ts'
import { openCluster } from './embedded-cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { makeOrdinaryRole } from './ordinary-role.ts'
import { findPostmaster, type Postmaster, startPostmaster, stopPostmaster } from './postmaster.ts'

export interface EmbeddedPostgres {
  readonly connectionString: string
  /** Stops PostgreSQL, unless another process uses it. */
  close(): Promise<void>
}

export type Log = (message: string, error?: Error) => void

/** Advisory lock that all users share. The last one takes it exclusively to stop PostgreSQL. */
const IN_USE = 6_468_645

/** Time limit of a start. After a crash, PostgreSQL replays the changes since the last checkpoint. */
const START_SECONDS = 120

/** Connection timeout. A PostgreSQL that stops or hangs may accept a connection and not answer. */
const ANSWER_MILLISECONDS = 5000

const POLL_MILLISECONDS = 15

/** Pause before the next attempt to restart PostgreSQL. */
const RETRY_MILLISECONDS = 1000

/** Ends of a start that are no failure: it lost a race, old processes are not gone yet, or it was killed from outside. */
const TRY_AGAIN = /lock file .* (already exists|is empty)|shared memory block .* still in use|^killed by/

/**
 * Joins the PostgreSQL below `dataDir` if it runs, else starts it; restarts it if it dies. Any number of processes may
 * use it; PostgreSQL's own lock prevents that it runs twice.
 * @throws EmbeddedPostgresError
 */
export async function openEmbeddedPostgres(
  dataDir: string,
  log: Log,
  opening: Promise<Cluster> = openCluster(dataDir),
  startSeconds = START_SECONDS,
): Promise<EmbeddedPostgres> {
  const cluster = await opening
  let closing = false
  let membership = keep(await join(cluster, startSeconds))

  function keep(client: pg.Client): Promise<pg.Client> {
    client.once('end', () => {
      if (closing) return
      log('the embedded PostgreSQL has died; starting it again')
      membership = rejoin().then(keep)
    })
    return Promise.resolve(client)
  }

  async function rejoin(): Promise<pg.Client> {
    for (;;) {
      if (closing) throw new EmbeddedPostgresError('closing')
      try {
        return await join(cluster, startSeconds)
      } catch (error) {
        log('the embedded PostgreSQL does not start; the server will try again', error as Error)
        await sleep(RETRY_MILLISECONDS)
      }
    }
  }

  return {
    connectionString: cluster.connectionString,
    close: async () => {
      closing = true
      const client = await membership.catch(() => undefined)
      if (client) await leave(client, cluster)
    },
  }
}

async function join(cluster: Cluster, startSeconds: number): Promise<pg.Client> {
  const deadline = performance.now() + startSeconds * 1000
  let postmaster: Postmaster | undefined
  for (;;) {
    try {
      return await becomeMember(cluster)
    } catch (error) {
      // A statement time-out: another session holds what the ordinary role is to own.
      if (!isDatabaseUnreachable(error) && !isStatementTimeout(error)) throw error
      if (performance.now() > deadline)
        throw new EmbeddedPostgresError(
          `PostgreSQL in ${cluster.data} does not answer: ${(error as Error).message}`,
        )
      const words = await postmaster?.lastWords()
      if (words !== undefined) {
        postmaster = undefined
        if (!TRY_AGAIN.test(words))
          throw new EmbeddedPostgresError(`PostgreSQL did not start: ${words} (its log is ${cluster.log})`)
      }
      if (!postmaster && nobodyListens(error) && !(await findPostmaster(cluster)))
        postmaster = await startPostmaster(cluster)
    }
    await sleep(POLL_MILLISECONDS)
  }
}

/** Keeps a session that holds the shared lock: while it lasts, no process stops PostgreSQL. */
async function becomeMember(cluster: Cluster): Promise<pg.Client> {
  const { connectionString } = cluster
  const client = createClient(connectionString)
  try {
    await client.connect()
    await client.query('select pg_advisory_lock_shared($1)', [IN_USE])
    // The lock may be free because the session of the process that stops it ended first. Then no connection is accepted.
    const probe = createClient(connectionString)
    await probe.connect()
    await probe.end()
    // Listens for the session's end from here on; an earlier end would go unnoticed.
    if (!(await makeOrdinaryRole(client))) return client
    // The ordinary role joins before the superuser leaves.
    const member = await becomeMember(cluster)
    await client.end()
    return member
  } catch (error) {
    await client.end()
    throw error
  }
}

function createClient(connectionString: string): pg.Client {
  const client = new pg.Client({
    connectionString,
    application_name: 'mintmark member',
    connectionTimeoutMillis: ANSWER_MILLISECONDS,
  })
  // Only its end matters.
  client.on('error', () => {})
  return client
}

async function leave(client: pg.Client, cluster: Cluster): Promise<void> {
  // A broken session has released the lock already.
  await Promise.allSettled([stopIfLast(client, cluster)])
  await client.end()
}

async function stopIfLast(client: pg.Client, cluster: Cluster): Promise<void> {
  await client.query('select pg_advisory_unlock_shared($1)', [IN_USE])
  // A process that connects while we hold the lock sees PostgreSQL end, and starts it again.
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_last', [IN_USE])
  if (rows[0].is_last) await stopPostmaster(cluster)
}

// A server in recovery answers, too, and so does one in another container that shares the folder.
function nobodyListens(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED'].includes(String((error as NodeJS.ErrnoException).code))
}
