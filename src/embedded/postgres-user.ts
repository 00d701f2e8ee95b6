import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { lchown, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { SystemUser } from './postgres-platform.ts'

// PostgreSQL refuses to run as root. For root it runs under a uid of its own, which needs no entry in /etc/passwd and which
// no other program has. Only initdb needs a user with a name, so that it runs as one for a moment.

/** Uids that Linux distributions leave unused, and that exist in small user namespaces, too. */
const OWN_UIDS = { first: 60_578, count: 606 }

/** Reads of the system, so that a test can set them. */
export interface System {
  readonly passwd: string
  readonly platform: string
  isBusy(uid: number): boolean
}

export const THIS_SYSTEM: System = { passwd: '/etc/passwd', platform: process.platform, isBusy: hasProcesses }

/**
 * User that runs initdb. For root: preferably a system user without processes, so that no other program of that user sees
 * the files before they get their own uid.
 */
export function chooseInitdbUser(us: SystemUser, { passwd, platform, isBusy } = THIS_SYSTEM): SystemUser {
  if (us.uid !== 0 || platform === 'win32') return us
  const users = readUsers(passwd).filter(({ uid }) => uid > 0 && (uid < 1000 || uid >= 65_534))
  const preferred = ['nobody', 'postgres', '_postgres']
    .flatMap((name) => users.filter((user) => user.name === name))
    .concat(users)
  const user = preferred.find(({ uid }) => !isBusy(uid)) ?? preferred[0]
  if (!user)
    throw new EmbeddedPostgresError(
      `PostgreSQL does not run as root, and ${passwd} has no other user for it; ` +
        'make one (useradd --system postgres), run the server as another user, or set DATABASE_URL',
    )
  return { uid: user.uid, gid: user.gid }
}

/** What initdb said, and what to do about a uid without a name. */
export function explainInitdb(said: string, uid: number): string {
  if (!/user does not exist/.test(said)) return said.trim()
  return `${said.trim()}; add uid ${uid} to /etc/passwd, run the server as another user, or set DATABASE_URL`
}

/** Whether root should give the files of this user to a uid of their own: `nobody` is shared with other programs. */
export function isShared({ uid }: SystemUser, { passwd, platform } = THIS_SYSTEM): boolean {
  if (platform !== 'linux' || !existsSync(passwd)) return false
  return readUsers(passwd).some((user) => user.name === 'nobody' && user.uid === uid)
}

/** A uid for the folder with this inode number. The same folder gets the same one, whichever process asks. */
export function chooseOwnUid(inode: number, passwd = THIS_SYSTEM.passwd): number {
  const taken = new Set(readUsers(passwd).flatMap(({ uid, gid }) => [uid, gid]))
  const { first, count } = OWN_UIDS
  const uids = Array.from({ length: count }, (_, n) => first + ((inode + n) % count))
  return uids.find((uid) => !taken.has(uid)) ?? first
}

/**
 * Gives a data folder of root's server to a uid of its own, and what surrounds it to root. May be repeated, and done by several
 * processes at once: the data folder itself, whose owner runs PostgreSQL, comes last.
 * @returns whether it was done; not where the system lacks such a uid, or where a link leads out of the folder
 */
export async function giveToOwnUid(data: string, uid: number): Promise<boolean> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true })
  if (entries.some((entry) => entry.isSymbolicLink())) return false
  for (const [index, { parentPath, name }] of entries.entries()) {
    try {
      await lchown(join(parentPath, name), uid, uid)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A user namespace may not have the uid: then the first one fails, and nothing has changed.
      if (index === 0 && (code === 'EINVAL' || code === 'EPERM')) return false
      if (code !== 'ENOENT') throw error
    }
  }
  const folder = dirname(data)
  for (const path of [join(folder, 'password'), folder]) await lchown(path, 0, 0)
  await lchown(data, uid, uid)
  return true
}

function readUsers(passwd: string): { name: string; uid: number; gid: number }[] {
  return readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 3)
    .map(([name, , uid, gid]) => ({ name: name as string, uid: Number(uid), gid: Number(gid) }))
}

/** Whether a process has this uid; `false` where there is no /proc to tell. */
function hasProcesses(uid: number): boolean {
  if (!existsSync('/proc/self/status')) return false
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && uidsOf(name).includes(uid))
}

function uidsOf(pid: string): number[] {
  try {
    const [, uids] = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return String(uids).split(/\s+/).map(Number)
  } catch {
    return []
  }
}
