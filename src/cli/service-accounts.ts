import type { Command } from 'commander'
import { serviceAccountToWire } from '../wire/service-account.ts'
import { tokenPreviewToWire } from '../wire/token-preview.ts'
import { accountActivityCommand } from './activity.ts'
import { allItems } from './all-items.ts'
import { past, whole } from './arguments.ts'
import { clientKeyCommands } from './client-keys.ts'
import { clientSecretCommands } from './client-secrets.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { leftOutText } from './custom-claim-arguments.ts'
import { type InRealm, ofAccount, ofRealm } from './realm-options.ts'
import { createCommand, updateCommand } from './service-account-options.ts'
import { describe, describeWithSecret, listText } from './service-account-text.ts'
import type { InSession } from './session.ts'

const PAGE = 500

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

  ofAccount(group, 'revoke-tokens', 'end all tokens it has got so far; its secrets and keys stay good')
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

interface ListOptions extends InRealm {
  readonly name?: string
  readonly unusedSince?: Date
  readonly limit?: number
}

function listCommand(group: Command, inSession: InSession): void {
  ofRealm(group, 'list', 'service accounts of a realm, in order of name')
    .option('--name <text>', 'part of the name, whatever its case')
    .option('--unused-since <time>', 'not used since then: a time, or an age as 90d', past)
    .option('--limit <number>', 'so many at most (default: all)', whole)
    .action(
      inSession(async ({ operations, actor }, { realm, limit, ...filter }: ListOptions) => {
        const { name: nameContains, unusedSince } = filter
        const accounts = await allItems(
          (after = '') =>
            operations.accounts.list(actor, realm, { after, limit: PAGE, nameContains, unusedSince }),
          limit,
        )
        const isFiltered = nameContains !== undefined || unusedSince !== undefined
        return {
          json: accounts.map((account) => serviceAccountToWire(account, realm)),
          text: isFiltered && accounts.length === 0 ? 'None.' : listText(accounts, realm),
        }
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
