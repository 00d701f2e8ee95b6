import type { Command } from 'commander'
import type { PublishedKey } from '../operations/realms/signing-keys.ts'
import { signingKeyToWire } from '../wire/signing-key.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { foreignKeyCommands } from './foreign-keys.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import { fields, table, time } from './text.ts'

export function signingKeyCommands(program: Command, inSession: InSession): void {
  const key = program.command('key').description('signing keys: next, current and retired')
  const ofKeys = (name: string, description: string) => ofRealm(key, name, description, 'realm of the keys')

  foreignKeyCommands(key, inSession)

  ofKeys('list', 'all published keys of a realm')
    .option('--pem', 'print public keys in PEM, each after a comment with its kid')
    .action(
      inSession(async ({ operations, actor }, { realm, pem }: InRealm & { readonly pem?: boolean }) => {
        const keys = await operations.signingKeys.list(actor, realm)
        const text = pem
          ? ((await operations.publishedRealms.find(realm)).pem() as string).trimEnd()
          : listText(keys)
        return { json: keys.map((each) => signingKeyToWire(each, realm)), text }
      }),
    )

  ofKeys('rotate', 'publish a new key now; it signs once every cache of the JWKS has it').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const next = await operations.signingKeys.rotate(actor, realm)
      return { json: signingKeyToWire(next, realm), text: describeNext(next) }
    }),
  )

  ofKeys('revoke', 'drop a compromised key at once; tokens that it signed are refused from then on')
    .argument('<kid>')
    .option(...YES)
    .action(
      inSession(async ({ operations, actor, terminal }, kid: string, { realm, yes }: InRealm & Confirmed) => {
        await confirmed(
          terminal,
          yes,
          `Revoke key ${kid} of realm ${realm}? Tokens that it signed end at once.`,
        )
        await operations.signingKeys.revoke(actor, realm, kid)
        return { json: { kid, realm, revoked: true }, text: `Revoked ${kid}.` }
      }),
    )
}

function describeNext(next: PublishedKey): string {
  const known = fields({ kid: next.kid, algorithm: next.algorithm, state: next.state })
  return `${known}\n\nIt is published and signs from ${time(next.activatesAt)}, when every cached JWKS has expired.`
}

function listText(keys: readonly PublishedKey[]): Text {
  const rows = keys.map((key) => [
    key.kid,
    key.algorithm,
    key.state,
    time(key.publishedAt),
    time(key.activatedAt ?? key.activatesAt),
    time(key.retiredAt),
  ])
  return table(['KID', 'ALGORITHM', 'STATE', 'PUBLISHED', 'SIGNS FROM', 'RETIRED'], rows)
}
