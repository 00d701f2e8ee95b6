import type { Command } from 'commander'
import type { InSession } from './session.ts'

export function migrateCommand(program: Command, inSession: InSession): void {
  program
    .command('migrate')
    .description('apply pending migrations, as the server does when it starts')
    .action(
      // Every session applies what is pending when it opens the database.
      inSession(async ({ migrated }) => ({
        json: { applied: migrated },
        text: migrated.length > 0 ? `Applied: ${migrated.join(', ')}.` : 'Nothing was pending.',
      })),
    )
}
