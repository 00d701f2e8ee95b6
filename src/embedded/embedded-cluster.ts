import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Cluster } from './cluster.ts'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { asUser, nameFromWithin, needsTcp, type SystemUser } from './postgres-platform.ts'
import { ENVIRONMENT, findPostgresPrograms } from './postgres-programs.ts'
import {
  chooseInitdbUser,
  chooseOwnUid,
  explainInitdb,
  giveToOwnUid,
  isShared,
  THIS_SYSTEM,
} from './postgres-user.ts'
import { findPostmaster } from './postmaster.ts'

const MAJOR_VERSION = '18'

/** Returns whether a server has created a database below `dataDir`. */
export function hasCluster(dataDir: string): boolean {
  return existsSync(join(dataDir, 'postgres', MAJOR_VERSION))
}

/**
 * Returns the cluster below `dataDir`; creates a missing one. Processes that do so at once agree on one.
 * @param onInitdb called once initdb runs
 */
export async function openCluster(dataDir: string, onInitdb = () => {}): Promise<Cluster> {
  const parent = join(dataDir, 'postgres')
  const folder = join(parent, MAJOR_VERSION)
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o711 })
    // Not recursive: on a read-only disk that would report a missing folder.
    if (!existsSync(parent)) await mkdir(parent, { mode: 0o711 }).catch(ignoreExisting)
    if (!existsSync(folder)) await createCluster(folder, onInitdb)
    await removeDrafts(parent)
    await endSharing(folder)
    return await describeCluster(folder)
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause
    throw new EmbeddedPostgresError(`DATA_DIR ${dataDir} cannot be used: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}

/** A version before let PostgreSQL run as `nobody` where root ran the server. */
async function endSharing(folder: string): Promise<void> {
  const data = join(folder, 'data')
  if (process.getuid?.() !== 0 || !isShared(await ownerOf(data)) || (await findPostmaster({ data }))) return
  await giveToOwnUid(data, await ownUidOf(folder))
}

async function ownUidOf(folder: string): Promise<number> {
  return chooseOwnUid((await stat(folder)).ino)
}

async function describeCluster(folder: string): Promise<Cluster> {
  const data = join(folder, 'data')
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim()
  const port = needsTcp(data) ? await openPortFile(join(folder, 'port')) : undefined
  const address =
    port === undefined
      ? `localhost:5432/postgres?host=${encodeURIComponent(data)}`
      : `127.0.0.1:${port}/postgres`
  return {
    data,
    log: join(folder, 'log'),
    user: await ownerOf(data),
    port,
    connectionString: `postgres://mintmark:${password}@${address}`,
  }
}

// A folder that is made under another name and then renamed is there whole or not at all.
async function createCluster(folder: string, onInitdb: () => void): Promise<void> {
  const draft = `${folder}.${crypto.randomUUID()}`
  const data = join(draft, 'data')
  const password = join(draft, 'password')
  await mkdir(data, { recursive: true, mode: 0o700 })
  const us = await ownerOf(draft)
  const user = chooseInitdbUser(us)
  await writeFile(password, `${Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('hex')}\n`, {
    mode: 0o600,
    flush: true,
  })
  for (const path of [draft, data, password]) await chown(path, user.uid, user.gid)
  const making = runInitdb(data, user, onInitdb)
    .then(async () => {
      if (us.uid === 0 && THIS_SYSTEM.platform === 'linux') await giveToOwnUid(data, await ownUidOf(draft))
    })
    .then(() => syncFolder(draft))
    .then(() => rename(draft, folder))
  const [made] = await Promise.allSettled([making])
  await rm(draft, { recursive: true, force: true })
  // If it exists, another process was faster, and may have removed this draft as a left-over.
  if (made.status === 'rejected' && !existsSync(folder)) throw made.reason
  await syncFolder(join(folder, '..'))
}

async function runInitdb(data: string, user: SystemUser, onInitdb: () => void): Promise<void> {
  const { initdb } = await findPostgresPrograms(user)
  const name = nameFromWithin(data)
  const how = ['--auth=scram-sha-256', `--pwfile=${name}/../password`, '--encoding=UTF8', '--locale=C']
  const options = { ...asUser(user), cwd: data, env: ENVIRONMENT }
  const running = promisify(execFile)(initdb, ['-D', name, '--username=mintmark', ...how], options)
  onInitdb()
  await running.catch((error: Error & { stderr?: string }) => {
    const said = [error.stderr, error.message].find(Boolean) as string
    throw new EmbeddedPostgresError(
      `PostgreSQL could not make a database in ${data}: ${explainInitdb(said, user.uid)}`,
    )
  })
}

/** The port chosen at first use: all users of the cluster must agree on it. */
async function openPortFile(path: string): Promise<number> {
  if (!existsSync(path)) {
    const draft = `${path}.${crypto.randomUUID()}`
    await writeFile(draft, `${await findFreePort()}\n`, { mode: 0o600, flush: true })
    // A hard link appears whole or not at all, and never replaces the port that another process chose.
    await Promise.allSettled([link(draft, path)])
    await rm(draft)
  }
  return Number(await readFile(path, 'utf8'))
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

async function removeDrafts(parent: string): Promise<void> {
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(`${MAJOR_VERSION}.`))
  for (const draft of drafts) {
    // Another initdb may still work in it. It will notice that it lost; the rest is removed next time.
    await rm(join(parent, draft), { recursive: true, force: true }).catch(() => {})
  }
}

/** Makes directory entries durable with fsync; Windows cannot open folders. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined)
  await folder?.sync()
  await folder?.close()
}

async function ownerOf(path: string): Promise<SystemUser> {
  const { uid, gid } = await stat(path)
  return { uid, gid }
}
