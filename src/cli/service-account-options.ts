import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { AUTH_METHODS } from '../domain/client-key.ts'
import { Refusal } from '../domain/refusal.ts'
import { likeAccount } from '../operations/resources/account-template.ts'
import { warningsToWire } from '../wire/warnings.ts'
import { collect } from './arguments.ts'
import { readPublicKey } from './client-keys.ts'
import {
  type ClaimOptions,
  type MetadataOptions,
  readClaims,
  withClaims,
  withMetadata,
  withoutClaims,
} from './custom-claim-arguments.ts'
import { type LimitOptions, readLimits, withLimits, withoutLimits } from './limit-arguments.ts'
import { QUOTA, type QuotaOption, quota, quotaOf } from './quota-arguments.ts'
import { type InRealm, ofAccount, ofRealm } from './realm-options.ts'
import { describe, describeCreated } from './service-account-text.ts'
import type { InSession, Session } from './session.ts'
import { noteAll, type Terminal } from './terminal.ts'

interface CreateOptions extends InRealm, ClaimOptions, MetadataOptions, LimitOptions {
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
  readonly quota?: QuotaOption
  readonly like?: string
}

interface UpdateOptions extends InRealm, ClaimOptions, MetadataOptions, LimitOptions {
  readonly name?: string
  readonly description?: string
  readonly scope?: string[]
  readonly introspectsAudience?: string[] | false
  readonly authMethod?: string[]
  readonly jwksUri?: string | false
  readonly quota?: QuotaOption
}

const JWKS_URI = 'https address where it publishes its keys, as a JWKS'

const AUTH_METHOD = `how it may authenticate: ${AUTH_METHODS.join(', ')}; repeatable`

const LIKE =
  'make it like this service account: its roles, scopes, claims, metadata, limits and grants, where no other option says otherwise'

const INTROSPECTS_AUDIENCE =
  'audience it serves, whose tokens it may introspect; repeatable, replaces the list'

/** Creates an account. */
export function createCommand(group: Command, inSession: InSession): void {
  const command = ofRealm(group, 'create', 'create a service account; a secret is shown this once')
    .requiredOption('--name <name>', 'unique in the realm, case-insensitive')
    .option('--description <text>', 'purpose of the account')
    .option('--like <client_id>', LIKE)
    .option('--role <role>', 'role of the account; repeatable (default view)', collect)
    .option('--scope <scope>', 'allowed scope; repeatable (default: all scopes of the realm)', collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--client-id <client_id>', 'existing client_id; with --client-secret-stdin')
    .option('--client-secret-stdin', 'read the existing secret from standard input')
    .option('--public-key <file>', 'public key (PEM, JWK or X.509 certificate) instead of a secret')
    .option('--jwks-uri <url>', `${JWKS_URI}, instead of a secret`)
    .option('--quota <limits>', QUOTA, quota)
    .option(
      '--auth-method <method>',
      `${AUTH_METHOD} (default client_secret, with a key private_key_jwt)`,
      collect,
    )
  withLimits(withMetadata(withClaims(command, 'its tokens'))).action(
    inSession(async (session, options: CreateOptions) => {
      const { operations, actor, terminal } = session
      const imported = await readImported(options, terminal)
      const created = await operations.accounts.create(actor, options.realm, {
        ...(await likeOf(session, options)),
        name: options.name,
        ...(options.description !== undefined && { description: options.description }),
        ...(options.role && { roles: options.role }),
        ...(options.scope && { scopes: options.scope }),
        ...(options.introspectsAudience && { introspectsAudiences: options.introspectsAudience }),
        ...(imported && { imported }),
        ...given({
          claims: await readClaims(options, terminal),
          metadata: options.metadata || undefined,
          quota: quotaOf(options.quota),
          ...readLimits(options),
        }),
        ...(options.publicKey !== undefined && { key: readPublicKey(options.publicKey) }),
        authMethods: options.authMethod,
        jwksUri: options.jwksUri,
      })
      noteAll(terminal, created.warnings)
      // The client knows its own secret; do not print it again.
      return describeCreated(imported ? { ...created, clientSecret: undefined } : created, options.realm)
    }),
  )
}

async function likeOf({ operations, actor }: Session, { realm, like }: CreateOptions) {
  return like === undefined ? {} : (await likeAccount(operations, actor, realm, like)).like
}

/** Without what is not said. */
function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** Changes an account. */
export function updateCommand(group: Command, inSession: InSession): void {
  const command = ofAccount(
    group,
    'update',
    'change name, description, scopes or authentication; options left out stay',
  )
    .option('--name <name>', 'unique in the realm, case-insensitive')
    .option('--description <text>', 'purpose of the account')
    .option('--scope <scope>', 'allowed scope; repeatable, replaces the list', collect)
    .option('--introspects-audience <audience>', INTROSPECTS_AUDIENCE, collect)
    .option('--no-introspects-audience', 'remove all introspected audiences')
    .option('--jwks-uri <url>', `${JWKS_URI}; tokens that it has got by keys elsewhere end`)
    .option('--quota <limits>', QUOTA, quota)
    .option('--no-quota', 'remove the quota')
    .option('--no-jwks-uri', 'use uploaded keys; revokes tokens obtained with published ones')
    .option(
      '--auth-method <method>',
      `${AUTH_METHOD}, replaces the list; taken away, it ends at once`,
      collect,
    )
  withoutLimits(withLimits(withoutClaims(withMetadata(withClaims(command, 'its tokens')))))
    .option('--no-metadata', 'remove all metadata')
    .action(
      inSession(async ({ operations, actor, terminal }, clientId: string, options: UpdateOptions) => {
        const { realm, name, description, scope: scopes, introspectsAudience, authMethod } = options
        const introspectsAudiences = introspectsAudience === false ? null : introspectsAudience
        const jwksUri = options.jwksUri === false ? null : options.jwksUri
        const claims = await readClaims(options, terminal)
        const metadata = options.metadata === false ? {} : options.metadata
        const update = {
          ...{ name, description, scopes, introspectsAudiences, claims, metadata, jwksUri },
          authMethods: authMethod,
          quota: quotaOf(options.quota),
          ...readLimits(options),
        }
        const updated = await operations.accounts.update(actor, realm, clientId, update)
        noteAll(terminal, updated.warnings)
        const { json, text } = describe(updated, realm)
        return { json: { ...(json as object), ...warningsToWire(updated.warnings) }, text }
      }),
    )
}

async function readImported({ clientId, clientSecretStdin }: CreateOptions, { input }: Terminal) {
  if (clientId === undefined && !clientSecretStdin) return undefined
  if (clientId === undefined || !clientSecretStdin)
    throw new Refusal('invalid', '--client-id and --client-secret-stdin go together: give both or none.')
  // The line end comes from the program that printed the secret.
  return { clientId, clientSecret: (await readAll(input)).replace(/\r?\n$/, '') }
}
