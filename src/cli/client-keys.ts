import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type ClientKey, readKeyText, type SentKey } from '../domain/client-key.ts'
import { Refusal } from '../domain/refusal.ts'
import { clientKeyToWire } from '../wire/service-account.ts'
import { moment } from './arguments.ts'
import { type InRealm, ofAccount } from './realm-options.ts'
import type { Answer, InSession } from './session.ts'
import type { Text } from './table.ts'
import { fields, table, time } from './text.ts'

const KID = 'as key list shows it; after -- if it begins with -'
const KEEP_TOKENS = 'leave the tokens of the account valid (default: they end with the key)'

/** Public keys of an account: commands of the noun service-account key. */
export function clientKeyCommands(serviceAccount: Command, inSession: InSession): void {
  const group = serviceAccount
    .command('key')
    .description('public keys of a service account, which then needs no secret')

  ofAccount(group, 'add', 'add a public key of the account')
    .requiredOption('--public-key <file>', 'PEM, JWK or X.509 certificate')
    .option('--name <name>', 'in your words')
    .option('--expires-at <time>', 'when it ends by itself (default never)', moment)
    .action(
      inSession(async ({ operations, actor }, clientId: string, options: AddOptions) => {
        const { realm, publicKey, ...about } = options
        const sent = { ...readPublicKey(publicKey), ...about }
        return describe((await operations.clientKeys.add(actor, realm, clientId, sent)).key)
      }),
    )

  ofAccount(group, 'list', 'public keys, newest first; expired ones too').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      const keys = await operations.clientKeys.list(actor, realm, clientId)
      return { json: keys.map(clientKeyToWire), text: listText(keys, clientId, realm) }
    }),
  )

  ofAccount(group, 'update', 'rename a public key or set its expiry; options left out stay')
    .argument('<kid>', KID)
    .option('--name <name>', 'in your words')
    .option('--expires-at <time>', 'when it ends; a time in the past ends it at once', moment)
    .option('--no-expires-at', 'it does not end by itself')
    .option('--keep-tokens', KEEP_TOKENS)
    .action(
      inSession(async ({ operations, actor }, clientId: string, kid: string, options: UpdateOptions) => {
        const { realm, name, expiresAt: end, keepTokens } = options
        const update = { kid, name, expiresAt: end === false ? null : end, keepTokens }
        return describe((await operations.clientKeys.update(actor, realm, clientId, update)).key)
      }),
    )

  ofAccount(group, 'delete', 'delete a public key; the next request that it signed is refused')
    .argument('<kid>', KID)
    .option('--keep-tokens', KEEP_TOKENS)
    .action(
      inSession(async ({ operations, actor }, clientId: string, kid: string, options: DeleteOptions) => {
        const { realm, keepTokens } = options
        await operations.clientKeys.delete(actor, realm, clientId, { kid, keepTokens })
        return { json: { client_id: clientId, realm, kid, deleted: true }, text: `Deleted ${kid}.` }
      }),
    )
}

interface AddOptions extends InRealm {
  readonly publicKey: string
  readonly name?: string
  readonly expiresAt?: Date
}

interface DeleteOptions extends InRealm {
  readonly keepTokens?: boolean
}

interface UpdateOptions extends DeleteOptions {
  readonly name?: string
  readonly expiresAt?: Date | false
}

/** @throws Refusal `invalid` for a file that cannot be read */
export function readPublicKey(file: string): SentKey {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code = 'it cannot be read' } = error as NodeJS.ErrnoException
    throw new Refusal('invalid', `--public-key ${file}: ${code}. Name a file with a public key in it.`)
  }
  return readKeyText(text)
}

function describe(key: ClientKey): Answer {
  const { kid, thumbprint, algorithm, name, createdAt, expiresAt, lastUsedAt } = key
  return {
    json: clientKeyToWire(key),
    text: fields({
      kid,
      thumbprint: thumbprint === kid ? undefined : thumbprint,
      algorithm,
      name,
      created: time(createdAt),
      expires: time(expiresAt),
      'last used': time(lastUsedAt),
    }),
  }
}

function listText(keys: readonly ClientKey[], clientId: string, realm: string): Text {
  if (keys.length === 0)
    return `It has no public keys. Add one: mintmark service-account key add --realm ${realm} ${clientId} --public-key <file>`
  const rows = keys.map(({ kid, algorithm, name, createdAt, expiresAt, lastUsedAt }) => [
    kid,
    algorithm,
    name,
    time(createdAt),
    time(expiresAt),
    time(lastUsedAt),
  ])
  return table(['KID', 'ALGORITHM', 'NAME', 'CREATED', 'EXPIRES', 'LAST USED'], rows)
}
