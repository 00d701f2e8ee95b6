import type { Command } from 'commander'
import { importCommands } from './account-import.ts'
import { accountRoleCommands } from './account-roles.ts'
import { auditEventCommands } from './audit-events.ts'
import { compareCommand } from './compare.ts'
import { completionCommand } from './completion.ts'
import { federationCommands } from './federation.ts'
import { grantCommands } from './grants.ts'
import { masterKeyCommands } from './master-key.ts'
import { migrateCommand } from './migrate.ts'
import { policyCommands } from './policy.ts'
import { portalCommands } from './portal.ts'
import { protectedResourceCommands } from './protected-resources.ts'
import { realmFileCommands } from './realm-files.ts'
import { realmCommands } from './realms.ts'
import { serviceAccountCommands } from './service-accounts.ts'
import { sessionOpener } from './session.ts'
import { signingKeyCommands } from './signing-keys.ts'
import type { Terminal } from './terminal.ts'
import { tokenCommand } from './token.ts'
import { trustedIssuerCommands } from './trusted-issuers.ts'
import { webhookCommands } from './webhooks.ts'
import { workloadIdentityCommands } from './workload-identities.ts'

/** All commands but `serve`. */
export function addCommands(program: Command, env: NodeJS.ProcessEnv, terminal: Terminal): void {
  const inSession = sessionOpener(env, terminal, program)
  migrateCommand(program, env, terminal)
  realmCommands(program, inSession)
  serviceAccountCommands(program, inSession)
  accountRoleCommands(program, inSession)
  importCommands(program, inSession)
  protectedResourceCommands(program, inSession)
  federationCommands(program, inSession)
  grantCommands(program, inSession)
  trustedIssuerCommands(program, inSession)
  workloadIdentityCommands(program, inSession)
  signingKeyCommands(program, inSession)
  webhookCommands(program, inSession)
  portalCommands(program, inSession)
  auditEventCommands(program, inSession)
  masterKeyCommands(program, inSession, terminal)
  policyCommands(program, inSession)
  realmFileCommands(program, inSession, terminal)
  tokenCommand(program, env, terminal)
  compareCommand(program, env, terminal)
  completionCommand(program, terminal)
  addHelp(program)
}

/** `help` for commands of any depth: commander's own knows those of the first alone. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command')
    .argument('[command...]')
    .action((names: readonly string[]) => {
      let command = program
      for (const name of names) {
        const found = command.commands.find((one) => one.name() === name)
        if (!found) command.error(`error: unknown command '${name}'`)
        else command = found
      }
      command.help()
    })
}
