import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { pinToOthers } from './machine.ts'
import { cpuMicroseconds, familyOf } from './processes.ts'

/** A PostgreSQL with its default durability (fsync and synchronous_commit on) and memory, gone when it is closed. */
export interface BenchPostgres {
  /** A new empty database. */
  createDatabase(name: string): Promise<string>
  /** CPU time of all its processes so far. */
  cpu(): number
  close(): Promise<void>
}

/** What its manual says for a server of its own: a quarter of the memory, here 2 GB at most. */
async function giveMemory(folder: string): Promise<void> {
  const embedded = await openEmbeddedPostgres(folder, () => {})
  const client = new pg.Client(embedded.connectionString)
  await client.connect()
  await client.query(
    `alter system set shared_buffers = '${Math.min(2048, Math.floor(totalmem() / 2 ** 22))}MB'`,
  )
  await client.end()
  await embedded.close()
}

export async function startPostgres(): Promise<BenchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  await giveMemory(folder)
  const embedded = await openEmbeddedPostgres(folder, () => {})
  const pid = Number.parseInt(readFileSync(join(folder, 'postgres/18/data/postmaster.pid'), 'utf8'), 10)
  for (const member of familyOf(pid)) pinToOthers(member)
  return {
    createDatabase: async (name) => {
      const client = new pg.Client(embedded.connectionString)
      await client.connect()
      await client.query(`create database ${name}`)
      await client.end()
      return embedded.connectionString.replace('/postgres?', `/${name}?`)
    },
    cpu: () => cpuMicroseconds(familyOf(pid)),
    close: async () => {
      await embedded.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
