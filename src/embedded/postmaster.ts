import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, readlink, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../domain/clock.ts'
import type { Cluster } from './cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { asUser, nameFromWithin } from './postgres-platform.ts'
import { ENVIRONMENT, findPostgresPrograms } from './postgres-programs.ts'

/** A log larger than this starts anew at the next start. */
const LOG_BYTES = 4 * 1024 * 1024

/** Time for a clean stop, before PostgreSQL is told to stop at once. */
const STOP_MILLISECONDS = 10_000

/** Time from creation of the pid file to its content, however busy the disk is. */
const EMPTY_MILLISECONDS = 30_000

/** Durability stays PostgreSQL's default. Statements and rows are not logged, since they could hold a hash. */
const SETTINGS = [
  'cluster_name=mintmark',
  'max_connections=200',
  'log_checkpoints=off',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
]

/** The PostgreSQL process that we started. */
export interface Postmaster {
  /** `undefined` while it runs; then the end of its output. */
  lastWords(): Promise<string | undefined>
}

/** Starts PostgreSQL without waiting until it answers. It outlives this process: others may use it. */
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
    // Ignores the pid file of a dead server, even if another process has its pid now.
    env: { ...ENVIRONMENT, ...(stale !== undefined && { PG_GRANDPARENT_PID: String(stale) }) },
    // A session of its own: Ctrl-C in the terminal goes to us, and we stop PostgreSQL in order.
    detached: true,
    stdio: ['ignore', log, log],
  })
  await once(child, 'spawn')
  child.unref()
  return child
}

/** Pid of the server, if it runs. */
export async function findPostmaster(
  cluster: Pick<Cluster, 'data'>,
  platform = process.platform,
): Promise<number | undefined> {
  const pid = await readPostmasterPid(cluster)
  if (pid === undefined || !isAlive(pid)) return undefined
  if (platform !== 'linux') return pid
  // Another process may have the pid by now.
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  return folder === (await realpath(cluster.data)) ? pid : undefined
}

/** Stops PostgreSQL and ends its sessions. Resolves once it is gone. */
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

async function readPostmasterPid({ data }: Pick<Cluster, 'data'>): Promise<number | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  return Number.parseInt(text, 10) || undefined
}

/** A server that was killed before it wrote its pid file leaves an empty one, which PostgreSQL never gets past. */
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
  // Several starts write to this log at once, the one that won included.
  const words = said.findLast((line) => line.includes(`[${child.pid}] FATAL:`)) ?? said.at(-1)
  return String(words).replace(/^.*?(?:FATAL|LOG): +/, '')
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
