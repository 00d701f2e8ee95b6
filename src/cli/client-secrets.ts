import type { Command } from 'commander'
import type { ListedClientSecret } from '../domain/service-account.ts'
import { clientSecretToWire } from '../wire/service-account.ts'
import { moment } from './arguments.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import { describeWithSecret } from './service-account-text.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { table, time } from './text.ts'

/** Rotation with an overlap: subcommands of service-account. */
export function clientSecretCommands(group: Command, inSession: InSession): void {
  ofAccount(group, 'rotate-secret', 'add a second secret; the old one works until it ends')
    .option(
      '--old-expires-at <time>',
      'when the old secret ends, within 90 days (default: in 24 hours)',
      moment,
    )
    .action(
      inSession(async ({ operations, actor }, clientId: string, { realm, oldExpiresAt }: RotateOptions) =>
        describeWithSecret(
          await operations.secrets.startRotation(actor, realm, clientId, oldExpiresAt),
          realm,
        ),
      ),
    )

  ofAccount(group, 'list-secrets', 'the secrets that are valid now, newest first').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const secrets = await operations.secrets.list(actor, realm, clientId)
      return { json: secrets.map(clientSecretToWire), text: listText(secrets) }
    }),
  )

  ofAccount(
    group,
    'delete-secret',
    'end a rotation: delete the old secret to finish it, the new one to cancel',
  )
    .argument('<id>', 'id from list-secrets')
    .action(
      inSession(async ({ operations, actor }, clientId: string, id: string, { realm }: InRealm) => {
        await operations.secrets.delete(actor, realm, clientId, id)
        return { json: { client_id: clientId, realm, id, deleted: true }, text: `Deleted ${id}.` }
      }),
    )
}

interface RotateOptions extends InRealm {
  readonly oldExpiresAt?: Date
}

function listText(secrets: readonly ListedClientSecret[]): Text {
  const rows = secrets.map(({ id, lastFour, createdAt, expiresAt, lastUsedAt }) => [
    id,
    lastFour && `…${lastFour}`,
    time(createdAt),
    time(expiresAt),
    time(lastUsedAt),
  ])
  return table(['ID', 'LAST 4', 'CREATED', 'EXPIRES', 'LAST USED'], rows)
}
