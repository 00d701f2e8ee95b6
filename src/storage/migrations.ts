import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, PostgresAdapter, PostgresDialect, sql } from 'kysely'
import { type Migration, type MigrationProvider, type MigrationResult, Migrator } from 'kysely/migration'
import pg from 'pg'

const FOLDER = join(import.meta.dirname, '../../migrations')

/** Of kysely's own lock, which earlier versions hold while they migrate. */
const LOCK = sql.lit(3853314791062309107n)

/** Applies what is pending, under a lock that other nodes wait for. Returns the names of what was applied. */
export async function migrateToLatest(connectionString: string): Promise<string[]> {
  // A connection of its own without a time limit: a migration may take as long as it takes.
  const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 5000 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<unknown>({ dialect: new MigrationDialect({ pool }) })
  try {
    // Also spares a node that is older than the database: what it does not know of, it leaves alone.
    if ((await pendingMigrations(db)).length === 0) return []
    return await db.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx)
      const { error, results } = await new Migrator({ db: trx, provider: sqlFiles }).migrateToLatest()
      if (error) throw error
      return (results as MigrationResult[]).map((result) => result.migrationName)
    })
  } finally {
    await db.destroy()
  }
}

/** The transaction holds a lock already. Kysely's is the session's, which a pooler in transaction mode takes away from it. */
class MigrationDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new UnlockedAdapter()
  }
}

class UnlockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Names of the migrations that this version has and the database has not. */
export async function pendingMigrations<T>(db: Kysely<T>): Promise<string[]> {
  const known = (await listFiles()).map(nameOf)
  const table = await sql<{
    found: boolean
  }>`select to_regclass('kysely_migration') is not null as found`.execute(db)
  if (!table.rows[0]?.found) return known
  const applied = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  const names = new Set(applied.rows.map((row) => row.name))
  return known.filter((name) => !names.has(name))
}

// One file, one change: plain SQL, applied in the order of the names.
const sqlFiles: MigrationProvider = {
  async getMigrations() {
    const entries = (await listFiles()).map(async (file): Promise<[string, Migration]> => {
      const text = await readFile(join(FOLDER, file), 'utf8')
      return [nameOf(file), { up: async (db) => void (await sql.raw(text).execute(db)) }]
    })
    return Object.fromEntries(await Promise.all(entries))
  },
}

async function listFiles(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((file) => file.endsWith('.sql')).sort()
}

function nameOf(file: string): string {
  return file.slice(0, -'.sql'.length)
}
