import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { Refusal } from '../domain/refusal.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import type { ServiceAccountWithSecret } from '../operations/accounts/new-service-account.ts'
import { serviceAccountToWire, serviceAccountWithSecretToWire } from '../wire/service-account.ts'
import { collect } from './arguments.ts'
import { clientSecretCommands } from './client-secrets.ts'
import type { Answer, InSession } from './session.ts'
import { fields, table, time } from './text.ts'

const PAGE = 500

export function serviceAccountCommands(program: Command, inSession: InSession): void {
  const group = program.command('service-account').description('service accounts: machines that get tokens')
  createCommand(group, inSession)
  listCommand(group, inSession)
  updateCommand(group, inSession)
  stateCommands(group, inSession)
  clientSecretCommands(group, inSession)

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

  ofAccount(group, 'revoke-tokens', 'end all tokens it has got so far; its secret stays good').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) =>
      describe(await operations.accounts.revokeTokens(actor, realm, clientId), realm),
    ),
  )

  ofAccount(group, 'delete', 'delete it; its secret stops working at once').action(
    inSession(async ({ operations, actor }, clientId: string, { realm }: InRealm) => {
      await operations.accounts.delete(actor, realm, clientId)
      return { json: { client_id: clientId, realm, deleted: true }, text: `Deleted ${clientId}.` }
    }),
  )
}

export interface InRealm {
  readonly realm: string
}

interface CreateOptions extends InRealm {
  readonly name: string
  readonly description?: string
  readonly role?: string[]
  readonly scope?: string[]
  readonly introspectsAudience?: string[]
  readonly clientId?: string
  readonly clientSecretStdin?: boolean
}

interface UpdateOptions extends InRealm {
  readonly name?: string
  readonly description?: string
  readonly scope?: string[]
  readonly introspectsAudience?: string[] | false
}

const INTROSPECTS_AUDIENCE =
  'audience it serves, whose tokens it may introspect; repeatable, replaces the list'

function createCommand(group: Command, inSession: InSession): void {
  ofRealm(group, 'create', 'make a service account; its secret is shown this once')
    .requiredOption('--name <name>', 'unique in the realm, whatever its case')
    .option('--description <text>', 'what it is for')
    .option('--role <role>', 'role it holds; repeatable (default view)', collect)
    .option('--scope <scope>', "scope it may have; repeatable (default: all of the realm's)", collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--client-id <client_id>', 'client_id that the client has already; with --client-secret-stdin')
    .option('--client-secret-stdin', 'read the secret that the client has already from standard input')
    .action(
      inSession(async ({ operations, actor }, options: CreateOptions) => {
        const imported = await readImported(options)
        const created = await operations.accounts.create(actor, options.realm, {
          name: options.name,
          ...(options.description !== undefined && { description: options.description }),
          ...(options.role && { roles: options.role }),
          ...(options.scope && { scopes: options.scope }),
          ...(options.introspectsAudience && { introspectsAudiences: options.introspectsAudience }),
          ...(imported && { imported }),
        })
        // The client knows its own secret; do not print it again.
        if (imported) return describe(created.account, options.realm)
        return describeWithSecret(created, options.realm)
      }),
    )
}

function listCommand(group: Command, inSession: InSession): void {
  ofRealm(group, 'list', 'all service accounts of a realm').action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const accounts: ServiceAccount[] = []
      for (let after: string | undefined = ''; after !== undefined; ) {
        const { items, next } = await operations.accounts.list(actor, realm, { after, limit: PAGE })
        accounts.push(...items)
        after = next
      }
      return {
        json: accounts.map((account) => serviceAccountToWire(account, realm)),
        text: listText(accounts, realm),
      }
    }),
  )
}

function updateCommand(group: Command, inSession: InSession): void {
  ofAccount(group, 'update', 'rename or describe it, or change its scopes; what is left out stays')
    .option('--name <name>', 'unique in the realm, whatever its case')
    .option('--description <text>', 'what it is for')
    .option('--scope <scope>', 'scope it may have; repeatable, all that there shall be', collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--no-introspects-audience', 'it is not given any audiences')
    .action(
      inSession(async ({ operations, actor }, clientId: string, options: UpdateOptions) => {
        const { realm, name, description, scope: scopes, introspectsAudience } = options
        const introspectsAudiences = introspectsAudience === false ? null : introspectsAudience
        const update = { name, description, scopes, introspectsAudiences }
        return describe(await operations.accounts.update(actor, realm, clientId, update), realm)
      }),
    )
}

function stateCommands(group: Command, inSession: InSession): void {
  const states = [
    ['disable', 'refuse its secret until it is enabled again', false],
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

export function ofRealm(group: Command, name: string, description: string): Command {
  return group.command(name).description(description).requiredOption('--realm <name>', 'realm it belongs to')
}

export function ofAccount(group: Command, name: string, description: string): Command {
  return ofRealm(group, name, description).argument('<client_id>')
}

async function readImported({ clientId, clientSecretStdin }: CreateOptions) {
  if (clientId === undefined && !clientSecretStdin) return undefined
  if (clientId === undefined || !clientSecretStdin)
    throw new Refusal('invalid', '--client-id and --client-secret-stdin go together: give both or none.')
  // The line end comes from the program that printed the secret.
  return { clientId, clientSecret: (await readAll(process.stdin)).replace(/\r?\n$/, '') }
}

function describe(account: ServiceAccount, realm: string): Answer {
  return { json: serviceAccountToWire(account, realm), text: fields(members(account, realm)) }
}

export function describeWithSecret(
  { account, clientSecret }: ServiceAccountWithSecret,
  realm: string,
): Answer {
  const { client_id: shown, ...more } = members(account, realm)
  return {
    json: serviceAccountWithSecretToWire(account, clientSecret, realm),
    text: `${fields({ client_id: shown, client_secret: clientSecret, ...more })}

Keep the secret now: it is not stored and cannot be shown again.`,
  }
}

function members(account: ServiceAccount, realm: string) {
  return {
    client_id: account.clientId,
    name: account.name,
    description: account.description,
    realm,
    roles: account.roles.join(' '),
    scopes: account.scopes && (account.scopes.join(' ') || 'none'),
    ...(account.introspectsAudiences && { 'introspects audiences': account.introspectsAudiences.join(' ') }),
    disabled: time(account.disabledAt),
    created: time(account.createdAt),
    'last used': time(account.lastUsedAt),
  }
}

function listText(accounts: readonly ServiceAccount[], realm: string): string {
  if (accounts.length === 0)
    return `Realm ${realm} has no service accounts yet. Make one: mintmark service-account create --realm ${realm} --name <name>`
  const rows = accounts.map((account) => [
    account.clientId,
    account.name,
    account.roles.join(' '),
    account.disabledAt ? 'disabled' : 'enabled',
    time(account.createdAt),
    time(account.lastUsedAt),
  ])
  return table(['CLIENT_ID', 'NAME', 'ROLES', 'STATE', 'CREATED', 'LAST USED'], rows)
}
