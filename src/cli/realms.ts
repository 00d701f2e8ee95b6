import type { Command } from 'commander'
import {
  ASSERTION_AUDIENCES,
  type AssertionAudience,
  AUTH_METHODS,
  type AuthMethod,
} from '../domain/client-key.ts'
import type { IntrospectionAudiences } from '../domain/introspection-audience.ts'
import type { LeakedSecretAction } from '../domain/leaked-secret.ts'
import { ALGORITHMS, type RealmSettings, type TokenProfile, type TokenTypeHeader } from '../domain/realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { realmToWire } from '../wire/realm.ts'
import { warningsToWire } from '../wire/warnings.ts'
import { realmActivityCommand } from './activity.ts'
import { allItems } from './all-items.ts'
import { collect, onOrOff, whole } from './arguments.ts'
import { type ClaimOptions, readClaims, withClaims, withoutClaims } from './custom-claim-arguments.ts'
import { QUOTA, type QuotaOption, quota, quotaOf } from './quota-arguments.ts'
import { describe, describeAll, listText } from './realm-text.ts'
import type { InSession } from './session.ts'
import { shadowCommand } from './shadow.ts'
import { noteAll, type Terminal } from './terminal.ts'

const PAGE = 500

export function realmCommands(program: Command, inSession: InSession): void {
  const realm = program.command('realm').description('realms, each with its own keys and accounts')

  const create = realm
    .command('create')
    .description('create a realm with a signing key')
    .argument('<name>', '1 to 63 lower-case letters, digits and hyphens')
  withSettings(create).action(
    inSession(async ({ operations, actor, publicUrl, terminal }, name: string, options: SettingOptions) => {
      const created = await operations.realms.create(actor, name, await settingsOf(options, terminal))
      noteAll(terminal, created.warnings)
      const next = `Next: mintmark service-account create --realm ${name} --name <name>`
      return {
        json: { ...realmToWire(created, publicUrl), ...warningsToWire(created.warnings) },
        text: `${describe(created, publicUrl)}\n\n${next}`,
      }
    }),
  )

  const update = realm
    .command('update')
    .description('change settings; options left out stay')
    .argument('<name>')
  withoutClaims(withSettings(update).option('--no-quota', 'remove the quota')).action(
    inSession(async ({ operations, actor, publicUrl, terminal }, name: string, options: SettingOptions) => {
      const updated = await operations.realms.update(actor, name, await settingsOf(options, terminal))
      noteAll(terminal, updated.warnings)
      const json = { ...realmToWire(updated, publicUrl), ...warningsToWire(updated.warnings) }
      return { json, text: describe(updated, publicUrl) }
    }),
  )

  otherCommands(realm, inSession)
  shadowCommand(realm, inSession)
  realmActivityCommand(realm, inSession)
}

function otherCommands(realm: Command, inSession: InSession): void {
  realm
    .command('show')
    .description('show a realm')
    .argument('<name>')
    .action(
      inSession(async ({ operations, actor, publicUrl }, name: string) => {
        const found = await operations.realms.find(actor, name)
        return { json: realmToWire(found, publicUrl), text: describeAll(found, publicUrl) }
      }),
    )

  realm
    .command('delete')
    .description('delete a realm with its accounts and keys')
    .argument('<name>')
    .requiredOption('--confirm <name>', 'the name again, to confirm')
    .action(
      inSession(async ({ operations, actor }, name: string, { confirm }: { confirm: string }) => {
        if (confirm !== name) throw new Refusal('invalid', `--confirm must be ${name}.`)
        await operations.realms.delete(actor, name)
        return { json: { name, deleted: true }, text: `Deleted ${name}.` }
      }),
    )

  realm
    .command('list')
    .description('list realms, in order of name')
    .option('--search <text>', 'part of the name or the display name, case-insensitive')
    .action(
      inSession(async ({ operations, actor, publicUrl }, { search }: { search?: string }) => {
        const read = (after = '') => operations.realms.list(actor, { after, limit: PAGE, search })
        const realms = await allItems(read)
        return { json: realms.map((each) => realmToWire(each, publicUrl)), text: listText(realms, search) }
      }),
    )
}

/** Options for the settings of a realm. */
function withSettings(command: Command): Command {
  return withClaims(command, 'every token of the realm')
    .option('--display-name <text>', 'name for people')
    .option('--algorithm <name>', `signing algorithm: ${ALGORITHMS.join(', ')} (default ES256)`)
    .option('--token-lifetime <seconds>', 'lifetime of tokens, 30 to 3600 (default 300)', whole)
    .option('--audience <audience>', 'allowed audience, the default first; repeatable', collect)
    .option('--scope <scope>', 'allowed scope; repeatable (default view)', collect)
    .option('--role <role>', 'role in addition to the built-in ones; repeatable, replaces the list', collect)
    .option(
      '--resource-type <type>',
      'resource type in addition to device and device_group; repeatable, replaces the list',
      collect,
    )
    .option('--service-account-limit <number>', 'maximum number of service accounts (default 25)', whole)
    .option('--key-rotation <seconds>', 'age at which a key is replaced (default 90 days)', whole)
    .option('--key-publish <seconds>', 'how long a key is published before it signs (default 1 day)', whole)
    .option('--jwks-max-age <seconds>', 'how long the JWKS may be cached (default 300)', whole)
    .option('--leaked-secret-action <action>', 'for leaked secrets: disable or alert (default disable)')
    .option('--max-secret-age <seconds>', 'age at which secrets stop working (default 0: none)', whole)
    .option('--token-type-header <typ>', 'typ of access tokens: at+jwt or JWT (default at+jwt)')
    .option('--token-profile <shape>', 'shape of tokens: rfc9068 or keycloak (default rfc9068)')
    .option(
      '--allowed-auth-method <method>',
      `what new accounts may authenticate with: ${AUTH_METHODS.join(', ')}; repeatable (default all)`,
      collect,
    )
    .option(
      '--assertion-audience <which>',
      `aud of assertions: ${ASSERTION_AUDIENCES.join(' or ')} (default issuer_or_token_endpoint)`,
    )
    .option('--audit-retention <days>', 'age at which audit events are deleted; 0: as the policy says', whole)
    .option('--quota <limits>', QUOTA, quota)
    .option('--shadow-mode <on|off>', 'give no tokens, count what would have failed (default off)', onOrOff)
    .option(
      '--introspection-audiences <which>',
      'tokens that unsigned introspection shows: served (of the caller’s audiences) or all (default served)',
    )
}

interface SettingOptions extends ClaimOptions {
  readonly displayName?: string
  readonly algorithm?: string
  readonly tokenLifetime?: number
  readonly audience?: string[]
  readonly role?: string[]
  readonly resourceType?: string[]
  readonly scope?: string[]
  readonly serviceAccountLimit?: number
  readonly keyRotation?: number
  readonly keyPublish?: number
  readonly jwksMaxAge?: number
  readonly leakedSecretAction?: LeakedSecretAction
  readonly introspectionAudiences?: IntrospectionAudiences
  readonly tokenTypeHeader?: TokenTypeHeader
  readonly tokenProfile?: TokenProfile
  readonly allowedAuthMethod?: AuthMethod[]
  readonly assertionAudience?: AssertionAudience
  readonly shadowMode?: boolean
  readonly quota?: QuotaOption
  readonly maxSecretAge?: number
  readonly auditRetention?: number
}

/** Only the options that were given; the operation decides the rest. */
async function settingsOf(options: SettingOptions, terminal: Terminal): Promise<Partial<RealmSettings>> {
  const settings = {
    displayName: options.displayName,
    algorithm: options.algorithm,
    tokenLifetimeSeconds: options.tokenLifetime,
    audiences: options.audience,
    roles: options.role,
    resourceTypes: options.resourceType,
    scopes: options.scope,
    serviceAccountLimit: options.serviceAccountLimit,
    keyRotationSeconds: options.keyRotation,
    keyPublishSeconds: options.keyPublish,
    jwksMaxAgeSeconds: options.jwksMaxAge,
    leakedSecretAction: options.leakedSecretAction,
    introspectionAudiences: options.introspectionAudiences,
    tokenTypeHeader: options.tokenTypeHeader,
    tokenProfile: options.tokenProfile,
    allowedAuthMethods: options.allowedAuthMethod,
    assertionAudience: options.assertionAudience,
    shadowMode: options.shadowMode,
    quota: quotaOf(options.quota),
    maxSecretAgeSeconds: options.maxSecretAge,
    auditRetentionDays: options.auditRetention === 0 ? null : options.auditRetention,
    claims: await readClaims(options, terminal),
  }
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Partial<RealmSettings>
}
