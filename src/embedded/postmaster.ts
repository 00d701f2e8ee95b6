import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, readlink, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../domain/clock.ts'
import type { Cluster } from './embedded-cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { asUser, nameFromWithin } from './postgres-platform.ts'
import { ENVIRONMENT, findPostgresPrograms } from './postgres-programs.ts'

/** A log larger than this is begun anew at the next start. */
const LOG_BYTES = 4 * 1024 * 1024

/** A PostgreSQL that was told to stop is given this long before it is told not to tidy up. */
const STOP_MILLISECONDS = 10_000

/** A pid file is written at once after it was made: within this, however busy the disk is. */
const EMPTY_MILLISECONDS = 30_000

/** Durability is PostgreSQL's default. A statement or a row in its log could hold a hash. */
const SETTINGS = [
  'cluster_name=mintmark',
  'max_connections=200',
  'log_checkpoints=off',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
]

/** PostgreSQL's first process as we started it. */
export interface Postmaster {
  /** `undefined` while it runs; then the last thing it said. */
  lastWords(): Promise<string | undefined>
}

/** Starts it, and does not wait until it answers. It outlives us: others may be using it when we go. */
export async function startPostmaster(cluster: Cluster): Promise<Postmaster> {
  await removeEmptyPidFiles(cluster)
  const log = await open(cluster.log, (await sizeOf(cluster.log)) > LOG_BYTES ? 'w' : 'a', 0o600)
  const { size } = await log.stat()
  const [launched] = await Promise.allSettled([launch(cluster, log.fd)])
  await log.close()
  if (launched.status === 'fulfilled')
    return { lastWords: () => lastWordsOf(launched.value, cluster.log, size) }
  throw new EmbeddedPostgresError(`PostgreSQL could not be started: ${launched.reason.message}`)
}

async function launch(cluster: Cluster, log: number): Promise<ChildProcess> {
  const { postgres } = await findPostgresPrograms(cluster.user)
  const stale = await readPostmasterPid(cluster)
  const settings = [...SETTINGS, ...addressSettings(cluster)].flatMap((setting) => ['-c', setting])
  const child = spawn(postgres, ['-D', nameFromWithin(cluster.data), ...settings], {
    ...asUser(cluster.user),
    cwd: cluster.data,
    // A pid file left by one that is dead counts for nothing, though its number is another process's now.
    env: { ...ENVIRONMENT, ...(stale !== undefined && { PG_GRANDPARENT_PID: String(stale) }) },
    // A session of its own: Ctrl-C in the terminal is for us, who then stop it in order.
    detached: true,
    stdio: ['ignore', log, log],
  })
  await once(child, 'spawn')
  child.unref()
  return child
}

/** Its process number, if it runs. */
export async function findPostmaster(
  cluster: Cluster,
  platform = process.platform,
): Promise<number | undefined> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined || !isAlive(pid)) return undefined
  if (platform !== 'linux') return pid
  // The number may have been given to another process since.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return folder === (await realpath(cluster.data)) ? pid : undefined
}

/** Sessions that are left are ended. Returns when it is gone. */
export async function stopPostmaster(cluster: Cluster, patience = STOP_MILLISECONDS): Promise<void> {
  const pid = await findPostmaster(cluster)
  if (pid === undefined) return
  process.kill(pid, 'SIGINT')
  const deadline = performance.now() + patience
  while ((await findPostmaster(cluster)) === pid) {
    if (performance.now() > deadline) {
      process.kill(pid, 'SIGQUIT')
      return
    }
    await sleep(10)
  }
}

function addressSettings({ port }: Cluster): string[] {
  return port === undefined
    ? ['unix_socket_directories=.', 'listen_addresses=', 'port=5432']
    : ['unix_socket_directories=', 'listen_addresses=127.0.0.1', `port=${port}`]
}

async function readPostmasterPid({ data }: Cluster): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(text, 10) || undefined
}

/** One that was killed between making its pid file and writing it leaves it empty; PostgreSQL lets nobody past that. */
async function removeEmptyPidFiles({ data }: Cluster): Promise<void> {
  for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
    const path = join(data, name)
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: undefined, mtimeMs: 0 }))
    if (size === 0 && systemClock().getTime() - mtimeMs > EMPTY_MILLISECONDS) await rm(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function lastWordsOf(child: ChildProcess, path: string, from: number): Promise<string | undefined> {
  if (child.signalCode !== null) return `killed by ${child.signalCode}`
  if (child.exitCode === null) return undefined
  const said = (await readFile(path)).subarray(from).toString().trim().split('\n')
  // Others write there too: those that start at the same time, and the one that was faster.
  const words = said.findLast((line) => line.includes(`[${child.pid}] FATAL:`)) ?? said.at(-1)
  return String(words).replace(/^.*?(?:FATAL|LOG): +/, '')
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
