import type { Command } from 'commander'
import { pathText } from '../domain/claim-rule.ts'
import { PRESET_NAMES } from '../domain/federation-presets.ts'
import { Refusal } from '../domain/refusal.ts'
import type { TrustedIssuer } from '../domain/trusted-issuer.ts'
import { trustedIssuerToWire } from '../wire/trusted-issuer.ts'
import { type Confirmed, confirmed, YES } from './confirmation.ts'
import { type InRealm, ofRealm } from './realm-options.ts'
import type { Answer, InSession, Session } from './session.ts'
import type { Text } from './table.ts'
import { fields, table, time } from './text.ts'
import { type SettingOptions, sentOf, settings } from './trusted-issuer-options.ts'

const ISSUER = 'its id, or the address of the issuer'
const REALM = 'realm that trusts it'

/** Platforms whose tokens get in as service accounts: commands of the noun trusted-issuer. */
export function trustedIssuerCommands(program: Command, inSession: InSession): void {
  const group = program
    .command('trusted-issuer')
    .description('issuers whose platform tokens workloads may authenticate with')

  ofRealm(group, 'list', 'trusted issuers of a realm', REALM).action(
    inSession(async ({ operations, actor }, { realm }: InRealm) => {
      const issuers = await operations.trustedIssuers.list(actor, realm)
      return { json: issuers.map((issuer) => trustedIssuerToWire(issuer)), text: listText(issuers, realm) }
    }),
  )

  settings(ofRealm(group, 'create', 'trust an issuer; workload identities say for which accounts', REALM))
    .option('--preset <name>', `fills in what is not given: ${PRESET_NAMES.join(', ')}`)
    .option('--disabled', 'accept no token of it yet')
    .action(
      inSession(async ({ operations, actor }, options: SettingOptions) => {
        const made = await operations.trustedIssuers.create(actor, options.realm, sentOf(options))
        return describe(made.issuer, made.notes)
      }),
    )

  ofRealm(group, 'show', 'show one trusted issuer, with its warnings', REALM)
    .argument('<issuer>', ISSUER)
    .action(
      inSession(async (session, named: string, { realm }: InRealm) =>
        describe(await issuerNamed(session, realm, named)),
      ),
    )
  changeCommands(group, inSession)
}

function changeCommands(group: Command, inSession: InSession): void {
  settings(ofRealm(group, 'update', 'change a trusted issuer; options left out stay', REALM))
    .argument('<issuer>', ISSUER)
    .option('--realm-audiences', 'take tokens for the realm’s issuer and token endpoint again')
    .option('--no-single-use', 'accept a token more than once')
    .option('--enabled', 'accept its tokens')
    .option('--disabled', 'accept none of its tokens, and revoke those obtained through it')
    .action(
      inSession(async (session, named: string, options: SettingOptions) => {
        const { operations, actor } = session
        const { id } = await issuerNamed(session, options.realm, named)
        const changed = await operations.trustedIssuers.update(actor, options.realm, id, sentOf(options))
        return describe(changed.issuer, changed.notes)
      }),
    )

  ofRealm(group, 'delete', 'stop trusting an issuer; tokens obtained through it are revoked', REALM)
    .argument('<issuer>', ISSUER)
    .option(...YES)
    .action(
      inSession(async (session, named: string, { realm, yes }: InRealm & Confirmed) => {
        const { operations, actor, terminal } = session
        const { id, issuer } = await issuerNamed(session, realm, named)
        await confirmed(terminal, yes, `Delete ${issuer} and its workload identities in realm ${realm}?`)
        const isDone = await operations.trustedIssuers.delete(actor, realm, id)
        const text = isDone ? `Deleted ${issuer}.` : `Deleted ${issuer}. Its tokens are still being ended.`
        return { json: { id, realm, issuer, deleted: true, ...(!isDone && { ending: true }) }, text }
      }),
    )
}

/** @throws Refusal `not_found` */
export async function issuerNamed(
  { operations, actor }: Session,
  realm: string,
  named: string,
): Promise<TrustedIssuer> {
  if (!named.includes('://')) return operations.trustedIssuers.find(actor, realm, named)
  const found = (await operations.trustedIssuers.list(actor, realm)).find(({ issuer }) => issuer === named)
  if (!found) throw new Refusal('not_found', `Realm ${realm} does not trust ${named}.`)
  return found
}

function describe(issuer: TrustedIssuer, notes: readonly string[] = []): Answer {
  const wire = trustedIssuerToWire(issuer, notes)
  const { source, jwks_uri: jwksUri, url, jwks } = wire.keys as Record<string, unknown>
  const count = (jwks as { keys?: unknown[] } | undefined)?.keys?.length
  const text = fields({
    id: issuer.id,
    issuer: issuer.issuer,
    name: issuer.name,
    preset: issuer.preset,
    keys: [source, jwksUri ?? url ?? (count === undefined ? undefined : `(${count})`)]
      .filter(Boolean)
      .join(' '),
    audiences: issuer.audiences?.join(', ') ?? 'the realm’s issuer and token endpoint',
    'max lifetime': `${issuer.maxLifetimeSeconds} s`,
    'single use': issuer.singleUse ? 'yes' : undefined,
    'a binding pins': ['sub', issuer.requiredClaims.map(pathText).join(' and ')]
      .filter(Boolean)
      .join(', or '),
    enabled: issuer.enabled ? 'yes' : 'no',
    ending: issuer.ending ? 'tokens are still being ended' : undefined,
    created: time(issuer.createdAt),
  })
  return { json: wire, text: [text, ...wire.warnings.map((one) => `! ${one}`)].join('\n') }
}

function listText(issuers: readonly TrustedIssuer[], realm: string): Text {
  if (issuers.length === 0)
    return `The realm trusts no issuer. Trust one: mintmark trusted-issuer create --realm ${realm} --preset github`
  const rows = issuers.map(({ id, issuer, preset = '', name, enabled }) => [
    id,
    issuer,
    preset,
    name,
    enabled ? 'yes' : 'no',
  ])
  return table(['ID', 'ISSUER', 'PRESET', 'NAME', 'ENABLED'], rows)
}
