import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { binaries, command, unprivileged } from './postgres-server.ts'
import { temporaryFolder } from './process.ts'

/** A PostgreSQL of a test's own, durable as in production, that a fault can be done to. */
export interface OwnPostgres {
  readonly databaseUrl: string
  readonly folder: string
  start(): Promise<void>
  /** SIGKILL ends it at once, SIGINT as `fast` shutdown does, SIGSTOP and SIGCONT freeze and thaw all of it. */
  signal(signal: 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  query(text: string): Promise<pg.QueryResult>
}

export interface OwnPostgresOptions {
  /** Where its data are kept. Default: a temporary folder. */
  readonly folder?: string
  readonly settings?: readonly string[]
  /** Default: those of the embedded PostgreSQL. */
  readonly programs?: { readonly initdb: string; readonly postgres: string }
}

export async function ownPostgres(
  t: Test,
  { folder = temporaryFolder(t), settings = [], programs }: OwnPostgresOptions = {},
): Promise<OwnPostgres> {
  const owner = unprivileged()
  const home = join(folder, 'own')
  const data = join(home, 'data')
  mkdirSync(home, { mode: 0o700 })
  if (owner) chownSync(home, owner.uid, owner.gid)
  const { initdb, postgres } = programs ?? (await binaries())
  const port = await freePort()
  const [program, ...prefix] = command(owner, initdb)
  const options = ['-D', data, '-U', 'mintmark', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  execFileSync(program as string, [...prefix, ...options], {
    cwd: home,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const databaseUrl = `postgres://mintmark@127.0.0.1:${port}/postgres`
  let child: ChildProcess | undefined

  async function query(text: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(text)
    } finally {
      await client.end().catch(() => {})
    }
  }

  async function start(): Promise<void> {
    const all = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      'max_connections=40',
      'wal_keep_size=0',
      ...settings,
    ]
    const [server, ...rest] = command(owner, postgres)
    const args = [...rest, '-D', data, '-k', home, ...all.flatMap((setting) => ['-c', setting])]
    child = spawn(server as string, args, { cwd: home, stdio: 'ignore' })
    for (let attempt = 0; ; attempt++) {
      const answers = await query('select 1').then(Boolean, () => false)
      if (answers) return
      if (attempt === 600) throw new Error('PostgreSQL does not start')
      await sleep(50)
    }
  }

  async function signal(name: 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    if (!child?.pid) return
    const ends = name === 'SIGKILL' || name === 'SIGINT'
    const gone =
      ends && child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    for (const pid of ends && name === 'SIGINT' ? [child.pid] : [child.pid, ...childrenOf(child.pid)]) {
      try {
        process.kill(pid, name)
      } catch {
        // It has ended by itself.
      }
    }
    await gone
  }

  t.teardown(async () => {
    await signal('SIGCONT')
    await signal('SIGKILL')
  })
  await start()
  return { databaseUrl, folder, start, signal, query }
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
      .map(Number)
  } catch {
    return []
  }
}
