import type { Command } from 'commander'
import { tokenPreviewToWire } from '../wire/token-preview.ts'
import { accountActivityCommand } from './activity.ts'
import { clientKeyCommands } from './client-keys.ts'
import { clientSecretCommands } from './client-secrets.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { leftOutText } from './custom-claim-arguments.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import { listCommand } from './service-account-list.ts'
import { createCommand, updateCommand } from './service-account-options.ts'
import { describe, describeWithSecret } from './service-account-text.ts'
import type { InSession } from './session.ts'

export function serviceAccountCommands(program: Command, inSession: InSession): void {
  const group = program.command('service-account').description('service accounts: identities of programs')
  createCommand(group, inSession)
  listCommand(group, inSession)
  updateCommand(group, inSession)
  stateCommands(group, inSession)
  clientSecretCommands(group, inSession)
  clientKeyCommands(group, inSession)

  previewCommand(group, inSession)
  accountActivityCommand(group, inSession)

  ofAccount(group, 'show', 'one service account').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) =>
      describe(await operations.accounts.find(actor, realm, clientId), realm),
    ),
  )

  ofAccount(group, 'reset-secret', 'replace the secret; the old one stops working at once').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) =>
      describeWithSecret(await operations.secrets.reset(actor, realm, clientId), realm),
    ),
  )

  ofAccount(group, 'revoke-tokens', 'revoke all its tokens; its secrets and keys stay valid')
    .option(...YES)
    .action(
      inSession(async (session, clientId: string, { realm, yes }: InRealm & Confirmed) => {
        const { operations, actor, terminal } = session
        await confirmed(terminal, yes, `End all tokens of ${clientId} in realm ${realm}?`)
        return describe(await operations.accounts.revokeTokens(actor, realm, clientId), realm)
      }),
    )

  ofAccount(group, 'delete', 'delete it; its secrets and keys stop working at once')
    .option(...YES)
    .action(
      inSession(async (session, clientId: string, { realm, yes }: InRealm & Confirmed) => {
        const { operations, actor, terminal } = session
        const { name } = await operations.accounts.find(actor, realm, clientId)
        await confirmed(terminal, yes, `Delete ${clientId} (${name}) of realm ${realm}?`)
        await operations.accounts.delete(actor, realm, clientId)
        return { json: { client_id: clientId, realm, deleted: true }, text: `Deleted ${clientId}.` }
      }),
    )
}

function stateCommands(group: Command, inSession: InSession): void {
  const states = [
    ['disable', 'refuse its secrets and keys until it is enabled again', false],
    ['enable', 'let a disabled service account get tokens again', true],
  ] as const
  for (const [name, description, enabled] of states) {
    ofAccount(group, name, description).action(
      inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) =>
        describe(await operations.accounts.update(actor, realm, clientId, { enabled }), realm),
      ),
    )
  }
}

function previewCommand(group: Command, inSession: InSession): void {
  ofAccount(group, 'preview-token', 'claims of its next token, and custom claims that it is without').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const preview = await operations.tokens.previewDraft(actor, realm, clientId)
      const wire = tokenPreviewToWire(preview)
      const left = preview.leftOut.map(leftOutText)
      return { json: wire, text: [JSON.stringify(wire.claims, undefined, 2), ...left].join('\n') }
    }),
  )
}
