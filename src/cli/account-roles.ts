import type { Command } from 'commander'
import type { ServiceAccount } from '../domain/service-account.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import type { Answer, InSession } from './session.ts'

export function accountRoleCommands(program: Command, inSession: InSession): void {
  const group = program.command('role').description('roles of a service account in the whole realm')

  ofAccount(group, 'list', 'roles that it has').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) =>
      describe(await operations.accounts.find(actor, realm, clientId)),
    ),
  )

  ofAccount(group, 'add', 'give it a role; its next token says so')
    .argument('<role>')
    .action(
      inSession(async ({ operations, actor }, clientId: string, role: string, { realm }: InRealm) =>
        describe(await operations.accounts.addRole(actor, realm, clientId, role)),
      ),
    )

  ofAccount(group, 'remove', 'take a role away; its next token says so')
    .argument('<role>')
    .action(
      inSession(async ({ operations, actor }, clientId: string, role: string, { realm }: InRealm) =>
        describe(await operations.accounts.removeRole(actor, realm, clientId, role)),
      ),
    )
}

function describe({ roles }: ServiceAccount): Answer {
  return { json: roles, text: roles.join('\n') || 'It has no roles.' }
}
