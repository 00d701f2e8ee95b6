import type { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { besideTheDatabase, serverOf } from './beside-database.ts'
import { requireEmbeddedDatabase } from './session.ts'
import { logOf, type Terminal } from './terminal.ts'

/** How long to wait for the database, and for tables that are locked. */
const DATABASE_WAIT_SECONDS = 5
const LOCK_WAIT_SECONDS = 600

export function migrateCommand(program: Command, env: NodeJS.ProcessEnv, terminal: Terminal): void {
  program
    .command('migrate')
    .description('apply pending migrations, as the server does at its start; needs no master key')
    .action(async () => {
      if (serverOf(program, env) !== undefined) throw besideTheDatabase('it changes the tables themselves')
      const { databaseUrl, dataDir } = loadConfig(env, { needsMasterKey: false })
      if (databaseUrl === undefined) await requireEmbeddedDatabase(dataDir)
      const { applyMigrations } = await import('../operations/migrate.ts')
      const applied = await applyMigrations({
        databaseUrl,
        dataDir,
        databaseWaitSeconds: DATABASE_WAIT_SECONDS,
        lockWaitSeconds: LOCK_WAIT_SECONDS,
        log: logOf(program, terminal),
      })
      const roles =
        databaseUrl === undefined
          ? ''
          : '\nWhere the server connects as another role, run docs/database-roles.sql.'
      const text = applied.length > 0 ? `Applied: ${applied.join(', ')}.${roles}` : 'Nothing was pending.'
      terminal.print({ json: { applied }, text })
    })
}
