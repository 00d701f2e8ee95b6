import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../../test/support/free-port.ts'
import { binaries, command, unprivileged } from '../../test/support/postgres-server.ts'
import { pinToOthers } from './machine.ts'
import { cpuMicroseconds, familyOf } from './processes.ts'

/** Temporary PostgreSQL with its default durability: fsync and synchronous_commit are on. */
export interface BenchPostgres {
  /** A new empty database. */
  createDatabase(name: string): Promise<string>
  /** CPU time of all its processes so far. */
  cpu(): number
  close(): Promise<void>
}

/** A quarter of the memory, as PostgreSQL's manual recommends, and 2 GB at most. */
const SHARED_BUFFERS = `${Math.min(2048, Math.floor(totalmem() / 2 ** 22))}MB`

const START_ATTEMPTS = 600

export async function startPostgres(): Promise<BenchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  const owner = unprivileged()
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const { initdb, postgres } = await binaries()
  const data = join(folder, 'data')
  const make = ['-D', data, '-U', 'mintmark', '-A', 'trust', '-E', 'UTF8', '--locale=C']
  const [initialize, ...first] = command(owner, initdb)
  execFileSync(initialize as string, [...first, ...make], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `shared_buffers=${SHARED_BUFFERS}`,
    'max_connections=300',
  ]
  const [server, ...rest] = command(owner, postgres)
  const arguments_ = [...rest, '-D', data, '-k', folder, ...settings.flatMap((one) => ['-c', one])]
  // In a new session, so that Ctrl-C in the terminal does not reach it.
  const child = spawn(server as string, arguments_, { cwd: folder, stdio: 'ignore', detached: true })
  const ended = once(child, 'exit')
  const urlOf = (name: string) => `postgres://mintmark@127.0.0.1:${port}/${name}`
  const query = async (text: string) => {
    const client = new pg.Client(urlOf('postgres'))
    await client.connect()
    await client.query(text)
    await client.end()
  }
  const isReady = () =>
    query('select 1').then(
      () => true,
      () => false,
    )
  for (let attempt = 0; !(await isReady()); attempt++) {
    if (attempt === START_ATTEMPTS) throw new Error('PostgreSQL does not start')
    await sleep(50)
  }
  const pid = child.pid as number
  for (const member of familyOf(pid)) pinToOthers(member)
  return {
    createDatabase: async (name) => {
      await query(`create database ${name}`)
      return urlOf(name)
    },
    cpu: () => cpuMicroseconds(familyOf(pid)),
    close: async () => {
      child.kill('SIGINT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
