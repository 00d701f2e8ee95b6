import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import type { EmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { findPostmaster } from '../../src/embedded/postmaster.ts'
import { temporaryFolder } from './process.ts'

/** Makes folders for embedded databases: copies of one that was made but once, which spares the disk. */
export async function dataDirMaker(t: Test): Promise<(t: Test) => string> {
  const template = temporaryFolder(t)
  await openCluster(template)
  return (each) => {
    const folder = temporaryFolder(each)
    // It keeps the owner, which Node's own copying does not.
    execFileSync('cp', ['-a', join(template, 'postgres'), folder])
    return folder
  }
}

/** What a query answers in a session of its own. */
export async function query({ connectionString }: Pick<EmbeddedPostgres, 'connectionString'>, text: string) {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text)).rows[0]
  } finally {
    await client.end()
  }
}

/** Waits for something that comes within a minute, and usually at once. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${condition}`)
    await sleep(10)
  }
}

/** The number of the PostgreSQL that runs on a folder. */
export async function postmasterOf(dataDir: string): Promise<number> {
  const pid = await findPostmaster(await openCluster(dataDir))
  if (pid === undefined) throw new Error('no PostgreSQL runs')
  return pid
}

/** A process of its own that has the database open, as a server has. */
export function startOpener(dataDir: string) {
  const program = join(import.meta.dirname, 'open-embedded-postgres.ts')
  const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  return { child, opened: once(child.stdout, 'data'), ended: once(child, 'exit') }
}
