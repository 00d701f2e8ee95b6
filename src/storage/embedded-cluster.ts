import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { ENVIRONMENT, findPostgresPrograms, type SystemUser, unprivilegedUser } from './postgres-programs.ts'

/** A PostgreSQL's files, whether it runs or not. */
export interface Cluster {
  readonly data: string
  readonly log: string
  readonly user: SystemUser | undefined
  /** The data folder as its processes name it, which have it as their working directory. */
  readonly dataAsSeen: string
  /** TCP port on the loopback address; `undefined`: a Unix socket in the data folder. */
  readonly port: number | undefined
  readonly connectionString: string
}

const MAJOR_VERSION = '18'

/** Bytes of a Unix socket's path that every system takes. */
const SOCKET_PATH_LIMIT = 103

/** The cluster below `dataDir`, made where there is none. Several that make it at once agree. */
export async function openCluster(dataDir: string): Promise<Cluster> {
  const parent = join(dataDir, 'postgres')
  const folder = join(parent, MAJOR_VERSION)
  try {
    await mkdir(parent, { recursive: true, mode: 0o711 })
    if (!(await exists(folder))) await createCluster(folder)
    await removeDrafts(parent)
    return await describe(folder)
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause
    throw new EmbeddedPostgresError(`DATA_DIR ${dataDir} cannot be used: ${(cause as Error).message}`, {
      cause,
    })
  }
}

async function describe(folder: string): Promise<Cluster> {
  const data = join(folder, 'data')
  const { uid, gid } = await stat(data)
  const user = process.getuid?.() === 0 ? { uid, gid } : undefined
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim()
  const port = needsTcp(data) ? await openPortFile(join(folder, 'port')) : undefined
  const address =
    port === undefined
      ? `localhost:5432/postgres?host=${encodeURIComponent(data)}`
      : `127.0.0.1:${port}/postgres`
  return {
    data,
    log: join(folder, 'log'),
    user,
    dataAsSeen: asSeen(data, user),
    port,
    connectionString: `postgres://mintmark:${password}@${address}`,
  }
}

// What is made under another name and renamed is there whole or not at all.
async function createCluster(folder: string): Promise<void> {
  const draft = `${folder}.${randomUUID()}`
  const data = join(draft, 'data')
  const password = join(draft, 'password')
  const user = await unprivilegedUser()
  await mkdir(data, { recursive: true, mode: 0o700 })
  await writeFile(password, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flush: true })
  if (user) for (const path of [draft, data, password]) await chown(path, user.uid, user.gid)
  try {
    await runInitdb(data, user)
    await syncFolder(draft)
    await rename(draft, folder)
    await syncFolder(join(folder, '..'))
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    // Another process was faster, and took the draft for a left-over perhaps.
    if (!(await exists(folder))) throw error
  }
}

async function runInitdb(data: string, user: SystemUser | undefined): Promise<void> {
  const { initdb } = await findPostgresPrograms(user)
  const seen = asSeen(data, user)
  const how = ['--auth=scram-sha-256', `--pwfile=${seen}/../password`, '--encoding=UTF8', '--locale=C']
  await promisify(execFile)(initdb, ['-D', seen, '--username=mintmark', ...how], {
    ...user,
    cwd: data,
    env: ENVIRONMENT,
  }).catch((error: Error & { stderr?: string }) => {
    const reason = error.stderr?.trim() || error.message
    throw new EmbeddedPostgresError(`a PostgreSQL could not be made in ${data}: ${reason}`)
  })
}

// Another user may not get through the folders above, those of root's home for one. It can stay where it is put.
function asSeen(data: string, user: SystemUser | undefined): string {
  return user && process.platform === 'linux' ? '/proc/self/cwd' : data
}

function needsTcp(data: string): boolean {
  return Buffer.byteLength(join(data, '.s.PGSQL.5432')) > SOCKET_PATH_LIMIT || process.platform === 'win32'
}

/** The port chosen when it was first needed: all that use the cluster must agree on it. */
async function openPortFile(path: string): Promise<number> {
  if (!(await exists(path)))
    await writeFile(path, `${await findFreePort()}\n`, { flag: 'wx', mode: 0o600, flush: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      },
    )
  return Number(await readFile(path, 'utf8'))
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function removeDrafts(parent: string): Promise<void> {
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(`${MAJOR_VERSION}.`))
  for (const draft of drafts) {
    // Another initdb may be at work in it: it will find that it came too late, and the rest goes next time.
    await rm(join(parent, draft), { recursive: true, force: true }).catch(() => {})
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing.
  const folder = await open(path).catch(() => undefined)
  await folder?.sync()
  await folder?.close()
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
