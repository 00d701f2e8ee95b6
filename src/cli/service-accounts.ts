import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { AUTH_METHODS } from '../domain/client-key.ts'
import { Refusal } from '../domain/refusal.ts'
import { serviceAccountToWire } from '../wire/service-account.ts'
import { allItems } from './all-items.ts'
import { collect, past, whole } from './arguments.ts'
import { clientKeyCommands, readPublicKey } from './client-keys.ts'
import { clientSecretCommands } from './client-secrets.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { type InRealm, ofAccount, ofRealm } from './realm-options.ts'
import { describe, describeCreated, describeWithSecret, listText } from './service-account-text.ts'
import type { InSession } from './session.ts'
import type { Terminal } from './terminal.ts'

const PAGE = 500

export function serviceAccountCommands(program: Command, inSession: InSession): void {
  const group = program.command('service-account').description('service accounts: identities of programs')
  createCommand(group, inSession)
  listCommand(group, inSession)
  updateCommand(group, inSession)
  stateCommands(group, inSession)
  clientSecretCommands(group, inSession)
  clientKeyCommands(group, inSession)

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

interface CreateOptions extends InRealm {
  readonly name: string
  readonly description?: string
  readonly role?: string[]
  readonly scope?: string[]
  readonly introspectsAudience?: string[]
  readonly clientId?: string
  readonly clientSecretStdin?: boolean
  readonly authMethod?: string[]
  readonly publicKey?: string
  readonly jwksUri?: string
}

interface ListOptions extends InRealm {
  readonly name?: string
  readonly unusedSince?: Date
  readonly limit?: number
}

interface UpdateOptions extends InRealm {
  readonly name?: string
  readonly description?: string
  readonly scope?: string[]
  readonly introspectsAudience?: string[] | false
  readonly authMethod?: string[]
  readonly jwksUri?: string | false
}

const JWKS_URI = 'https address where it publishes its keys, as a JWKS'

const AUTH_METHOD = `how it may authenticate: ${AUTH_METHODS.join(', ')}; repeatable`

const INTROSPECTS_AUDIENCE =
  'audience it serves, whose tokens it may introspect; repeatable, replaces the list'

function createCommand(group: Command, inSession: InSession): void {
  ofRealm(group, 'create', 'create a service account; a secret is shown this once')
    .requiredOption('--name <name>', 'unique in the realm, case-insensitive')
    .option('--description <text>', 'purpose of the account')
    .option('--role <role>', 'role of the account; repeatable (default view)', collect)
    .option('--scope <scope>', 'allowed scope; repeatable (default: all scopes of the realm)', collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--client-id <client_id>', 'existing client_id; with --client-secret-stdin')
    .option('--client-secret-stdin', 'read the existing secret from standard input')
    .option('--public-key <file>', 'public key (PEM, JWK or X.509 certificate) instead of a secret')
    .option('--jwks-uri <url>', `${JWKS_URI}, instead of a secret`)
    .option(
      '--auth-method <method>',
      `${AUTH_METHOD} (default client_secret, with a key private_key_jwt)`,
      collect,
    )
    .action(
      inSession(async ({ operations, actor, terminal }, options: CreateOptions) => {
        const imported = await readImported(options, terminal)
        const created = await operations.accounts.create(actor, options.realm, {
          name: options.name,
          ...(options.description !== undefined && { description: options.description }),
          ...(options.role && { roles: options.role }),
          ...(options.scope && { scopes: options.scope }),
          ...(options.introspectsAudience && { introspectsAudiences: options.introspectsAudience }),
          ...(imported && { imported }),
          ...(options.publicKey !== undefined && { key: readPublicKey(options.publicKey) }),
          authMethods: options.authMethod,
          jwksUri: options.jwksUri,
        })
        // The client knows its own secret; do not print it again.
        return describeCreated(imported ? { ...created, clientSecret: undefined } : created, options.realm)
      }),
    )
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

function updateCommand(group: Command, inSession: InSession): void {
  ofAccount(group, 'update', 'change name, description, scopes or authentication; options left out stay')
    .option('--name <name>', 'unique in the realm, case-insensitive')
    .option('--description <text>', 'purpose of the account')
    .option('--scope <scope>', 'allowed scope; repeatable, replaces the list', collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--no-introspects-audience', 'remove all introspected audiences')
    .option('--jwks-uri <url>', `${JWKS_URI}; tokens that it has got by keys elsewhere end`)
    .option('--no-jwks-uri', 'its keys are uploaded; tokens that it has got by published ones end')
    .option(
      '--auth-method <method>',
      `${AUTH_METHOD}, replaces the list; taken away, it ends at once`,
      collect,
    )
    .action(
      inSession(async ({ operations, actor }, clientId: string, options: UpdateOptions) => {
        const { realm, name, description, scope: scopes, introspectsAudience, authMethod } = options
        const introspectsAudiences = introspectsAudience === false ? null : introspectsAudience
        const jwksUri = options.jwksUri === false ? null : options.jwksUri
        const update = { name, description, scopes, introspectsAudiences, authMethods: authMethod, jwksUri }
        return describe(await operations.accounts.update(actor, realm, clientId, update), realm)
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

async function readImported({ clientId, clientSecretStdin }: CreateOptions, { input }: Terminal) {
  if (clientId === undefined && !clientSecretStdin) return undefined
  if (clientId === undefined || !clientSecretStdin)
    throw new Refusal('invalid', '--client-id and --client-secret-stdin go together: give both or none.')
  // The line end comes from the program that printed the secret.
  return { clientId, clientSecret: (await readAll(input)).replace(/\r?\n$/, '') }
}
