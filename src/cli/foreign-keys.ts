import { readFileSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { Refusal } from '../domain/refusal.ts'
import { foreignKeyToWire } from '../wire/foreign-key.ts'
import { moment } from './arguments.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { InSession } from './session.ts'
import type { Text } from './table.ts'
import type { Terminal } from './terminal.ts'
import { table, time } from './text.ts'

interface PublishOptions extends InRealm {
  readonly jwks: string
  readonly issuer?: string
  readonly until: Date
}

/** Keys of the server that a realm was moved from, beside its own. */
export function foreignKeyCommands(key: Command, inSession: InSession): void {
  const ofKeys = (name: string, description: string) => ofRealm(key, name, description, 'realm of the keys')

  ofKeys('publish-foreign', 'publish the public keys of the previous server until its last token has expired')
    .requiredOption('--jwks <url|file>', 'its JWKS: an https address, a file, or - for standard input')
    .requiredOption('--until <time>', 'when its last token has ended; within 90 days', moment)
    .option('--issuer <url>', "iss of its tokens (default: the realm's issuer)")
    .action(
      inSession(async ({ operations, actor, terminal }, options: PublishOptions) => {
        const { realm, jwks, issuer, until } = options
        const source = /^https?:\/\//i.test(jwks)
          ? { jwksUri: jwks }
          : { jwks: await readJwks(jwks, terminal) }
        const { keys, notes } = await operations.foreignKeys.publish(actor, realm, {
          ...source,
          issuer,
          until,
        })
        for (const note of notes) terminal.note(note)
        return { json: keys.map((one) => foreignKeyToWire(one, realm)), text: listText(keys) }
      }),
    )

  ofKeys('list-foreign', 'list the published keys of the previous server').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const keys = await operations.foreignKeys.list(actor, realm)
      return { json: keys.map((one) => foreignKeyToWire(one, realm)), text: listText(keys) }
    }),
  )

  ofKeys('withdraw-foreign', 'remove a key of the previous server at once; its tokens become inactive')
    .argument('<kid>')
    .option(...YES)
    .action(
      inSession(async ({ operations, actor, terminal }, kid: string, { realm, yes }: InRealm & Confirmed) => {
        await confirmed(terminal, yes, `Withdraw key ${kid} from realm ${realm}? Its tokens end at once.`)
        await operations.foreignKeys.withdraw(actor, realm, kid)
        return { json: { kid, realm, withdrawn: true }, text: `Withdrew ${kid}.` }
      }),
    )
}

async function readJwks(file: string, { input }: Terminal): Promise<unknown> {
  try {
    return JSON.parse(file === '-' ? await readAll(input) : readFileSync(file, 'utf8'))
  } catch (error) {
    // The message of the parser would quote what may be a private key.
    const { code = 'it is not JSON' } = error as NodeJS.ErrnoException
    throw new Refusal('invalid', `The JWKS cannot be read: ${code}.`)
  }
}

function listText(keys: readonly Parameters<typeof foreignKeyToWire>[0][]): Text {
  if (keys.length === 0) return 'None.'
  const rows = keys.map((key) => [
    key.kid,
    key.algorithm,
    key.issuer,
    time(key.publishedAt),
    time(key.endsAt),
  ])
  return table(['KID', 'ALGORITHM', 'ISSUER', 'PUBLISHED', 'UNTIL'], rows)
}
