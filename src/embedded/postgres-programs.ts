import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { asUser, importPrograms, type PostgresPrograms, type SystemUser } from './postgres-platform.ts'

/** Where root copies PostgreSQL if other users cannot read its own folder. */
const COPIES = '/var/cache/mintmark'

/** Keeps the server's secrets out of PostgreSQL's environment. */
export const ENVIRONMENT = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }

/** Folder of the programs that the user can run. */
export async function findPostgresPrograms(
  user: SystemUser,
  found?: PostgresPrograms,
  copies = COPIES,
): Promise<PostgresPrograms> {
  const programs = found ?? (await importPrograms())
  if (canRun(programs.postgres, user)) return programs
  const native = dirname(dirname(programs.postgres))
  try {
    for (const program of [programs.initdb, programs.postgres]) await chmod(program, 0o755)
    if (canRun(programs.postgres, user)) return programs
    const version = execFileSync(programs.postgres, ['--version'], { encoding: 'utf8' }).trim()
    const copy = join(copies, version.replaceAll(/[^\w.]+/g, '-'))
    if (!existsSync(copy)) await copyReadable(native, copy)
    return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `the user that PostgreSQL would run as cannot reach ${native} (${(cause as Error).message}); ` +
        'run the server as another user than root, or set DATABASE_URL',
      { cause },
    )
  }
}

function canRun(program: string, user: SystemUser): boolean {
  return spawnSync(program, ['--version'], { ...asUser(user), cwd: '/' }).status === 0
}

async function copyReadable(from: string, to: string): Promise<void> {
  const draft = `${to}.${crypto.randomUUID()}`
  await mkdir(dirname(to), { recursive: true, mode: 0o755 })
  await cp(from, draft, { recursive: true, verbatimSymlinks: true })
  await chmod(draft, 0o755)
  for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const isOpened = entry.isDirectory() || entry.parentPath.endsWith('bin')
    await chmod(join(entry.parentPath, entry.name), isOpened ? 0o755 : 0o644)
  }
  // Fails where another process was faster; its copy is as good.
  await Promise.allSettled([rename(draft, to)])
  await rm(draft, { recursive: true, force: true })
}
