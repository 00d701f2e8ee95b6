import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openEmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { pinToOthers } from './machine.ts'
import { cpuMicroseconds, familyOf } from './processes.ts'

/** A PostgreSQL with its default durability (fsync and synchronous_commit on), gone when it is closed. */
export interface BenchPostgres {
  /** A new empty database. */
  createDatabase(name: string): Promise<string>
  /** CPU time of all its processes so far. */
  cpu(): number
  close(): Promise<void>
}

export async function startPostgres(): Promise<BenchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
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
