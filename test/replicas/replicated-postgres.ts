import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { unprivileged } from '../support/postgres-server.ts'
import { temporaryFolder } from '../support/process.ts'

const BIN = '/usr/lib/postgresql/15/bin'

/** What docs/high-availability.md says about the standby of a reader, and a lag that shows at once. */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'max_connections=100',
  'shared_buffers=32MB',
  'hot_standby_feedback=on',
  'max_standby_streaming_delay=500ms',
  'wal_receiver_status_interval=1s',
  'wal_retrieve_retry_interval=200ms',
  'autovacuum_naptime=5s',
]

export interface Server {
  readonly url: string
  query(text: string, values?: unknown[]): Promise<pg.QueryResult>
  start(...settings: string[]): Promise<void>
  /** Of all its processes: SIGKILL, SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): Promise<void>
  /** Makes a standby the primary. */
  promote(): Promise<void>
  /** Makes a standby follow another primary. */
  follow(primary: Pick<Server, 'url'>): Promise<void>
}

export interface Replicated {
  readonly primary: Server
  readonly standbys: readonly [Server, Server]
}

/** A primary and two standbys of Debian's PostgreSQL 15, durable as in production, on loopback. */
export async function replicatedPostgres(t: Test): Promise<Replicated> {
  if (!existsSync(join(BIN, 'pg_basebackup')))
    throw new Error('PostgreSQL 15 is not installed; on Debian: apt-get install postgresql-15')
  const folder = temporaryFolder(t)
  const owner = unprivileged()
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const run = (program: string, ...args: string[]) => {
    const [first, ...rest] = asOwner(owner, join(BIN, program), args)
    execFileSync(first as string, rest, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  run(
    'initdb',
    '-D',
    join(folder, 'primary'),
    '-U',
    'mintmark',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  )
  const primary = await server(t, folder, 'primary')
  await primary.start()
  const standbys = []
  for (const name of ['standby1', 'standby2']) {
    const { port } = new URL(primary.url)
    const source = `host=127.0.0.1 port=${port} user=mintmark application_name=${name}`
    run('pg_basebackup', '-D', join(folder, name), '-d', source, '-R', '-c', 'fast', '-X', 'stream')
    const standby = await server(t, folder, name)
    await standby.start()
    standbys.push(standby)
  }
  return { primary, standbys: standbys as [Server, Server] & Server[] }
}

async function server(t: Test, folder: string, name: string): Promise<Server> {
  const owner = unprivileged()
  const port = await freePort()
  const data = join(folder, name)
  const url = `postgres://mintmark@127.0.0.1:${port}/postgres`
  let child: ChildProcess | undefined

  async function query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(text, values)
    } finally {
      await client.end().catch(() => {})
    }
  }

  async function start(...settings: string[]): Promise<void> {
    const all = [`port=${port}`, ...SETTINGS, ...settings].flatMap((one) => ['-c', one])
    const [first, ...rest] = asOwner(owner, join(BIN, 'postgres'), ['-D', data, '-k', folder, ...all])
    const log = openSync(join(folder, `${name}.log`), 'a')
    child = spawn(first as string, rest, { cwd: folder, stdio: ['ignore', log, log] })
    for (let attempt = 0; !(await query('select 1').then(Boolean, () => false)); attempt++) {
      if (attempt === 600)
        throw new Error(`${name} does not start: ${readFileSync(join(folder, `${name}.log`))}`)
      await sleep(50)
    }
  }

  async function signal(one: NodeJS.Signals): Promise<void> {
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return
    const gone = one === 'SIGKILL' ? once(child, 'exit') : undefined
    for (const pid of [child.pid, ...childrenOf(child.pid)]) {
      try {
        process.kill(pid, one)
      } catch {
        // It has ended by itself.
      }
    }
    await gone
  }

  async function follow(primary: Pick<Server, 'url'>): Promise<void> {
    const { port } = new URL(primary.url)
    await query(`alter system set primary_conninfo = 'host=127.0.0.1 port=${port} user=mintmark'`)
    await query('select pg_reload_conf()')
  }

  t.teardown(async () => {
    await signal('SIGCONT')
    await signal('SIGKILL')
  })
  return {
    url,
    query,
    start,
    signal,
    follow,
    promote: async () => void (await query('select pg_promote(true, 20)')),
  }
}

function asOwner(owner: ReturnType<typeof unprivileged>, program: string, args: readonly string[]): string[] {
  const as = owner ? ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : []
  return [...as, program, ...args]
}

function childrenOf(pid: number): number[] {
  try {
    const text = execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
    return text.trim().split(/\s+/).filter(Boolean).map(Number)
  } catch {
    return []
  }
}
