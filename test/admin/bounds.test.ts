import t from 'tap'
import { parseLimits, parseNetwork } from '../../src/domain/account-limits.ts'
import { isAudience } from '../../src/domain/audience.ts'
import { parseRules } from '../../src/domain/claim-rule.ts'
import { AUTH_METHODS, parseAuthMethods, parseKeyName } from '../../src/domain/client-key.ts'
import { checkCustomClaims, checkMetadata } from '../../src/domain/custom-claim-check.ts'
import { checkOldIssuer } from '../../src/domain/foreign-key.ts'
import { checkGrants, isGrantKey } from '../../src/domain/grant.ts'
import { keyUrl } from '../../src/domain/key-address.ts'
import { PLATFORM_ALGORITHMS } from '../../src/domain/platform-algorithm.ts'
import { checkPolicy, DEFAULT_POLICY } from '../../src/domain/policy.ts'
import { isResourceKey, parseResourceEntry } from '../../src/domain/protected-resource.ts'
import { checkQuota } from '../../src/domain/quota.ts'
import { DEFAULT_REALM_SETTINGS, isRealmName, type RealmSettings } from '../../src/domain/realm.ts'
import { checkRealmSettings, isCustomRole } from '../../src/domain/realm-settings.ts'
import { isScopeToken } from '../../src/domain/scope.ts'
import {
  checkImportedClientSecret,
  isClientId,
  parseDescription,
  parseDisplayName,
} from '../../src/domain/service-account.ts'
import { parseIssuerSettings, type SentIssuer } from '../../src/domain/trusted-issuer.ts'
import { parseWebhook, WEBHOOK_EVENT_NAMES } from '../../src/domain/webhook.ts'
import type { ApiDocument, JsonSchema } from '../../src/http/admin/openapi-types.ts'
import { testServer } from '../support/server.ts'

/** Whether the domain takes a value. `false` or a refusal: it does not. */
type Takes = (value: never) => unknown

interface Rule {
  readonly takes: Takes
  /** A value of that length, or of that many items; a number is its own. */
  readonly of?: (size: number) => unknown
}

const letters = (size: number) => 'a'.repeat(size)
const list =
  (item: (at: number) => unknown = (at) => `a${at}`) =>
  (size: number) =>
    Array.from({ length: size }, (_, at) => item(at))
const address = (size: number) => 'https://a.example/'.padEnd(size, 'x')

const realm = (settings: Partial<RealmSettings>) =>
  checkRealmSettings({ ...DEFAULT_REALM_SETTINGS, ...settings })
const ofRealm = (name: keyof RealmSettings, of?: Rule['of'], more: Partial<RealmSettings> = {}): Rule => ({
  takes: (value: unknown) => realm({ ...more, [name]: value }),
  ...(of && { of }),
})
const ofPolicy = (name: keyof typeof DEFAULT_POLICY): Rule => ({
  takes: (value: number) => checkPolicy({ ...DEFAULT_POLICY, ...WIDE_POLICY, [name]: value }),
})
const WIDE_POLICY = { minAuditRetentionDays: 30 }
const ofIssuer = (name: keyof SentIssuer, of?: Rule['of']): Rule => ({
  takes: (value: unknown) =>
    parseIssuerSettings({
      issuer: 'https://a.example',
      keys: { kind: 'discovery', address: '' },
      [name]: value,
    }),
  ...(of && { of }),
})
const webhook = { url: 'https://a.example/', description: '', events: WEBHOOK_EVENT_NAMES, enabled: true }
const claim = (more: object) => checkCustomClaims([{ claim: 'a', from: 'name', ...more }])
const text = (takes: Takes, of: Rule['of'] = letters): Rule => ({ takes, of })
const CLAIMS: Rule = {
  takes: (value: unknown) => checkCustomClaims(value),
  of: list((at) => ({ claim: `a${at}`, value: 1 })),
}
const QUOTA = (name: string): Rule => ({
  takes: (value: number) => checkQuota({ mode: 'enforce', [name]: value } as never),
})
const SEVERAL_AUDIENCES: Rule = text(isAudience, (size) => `https://a.example/${letters(size - 18)}`)

const RULES: Readonly<Record<string, Rule>> = {
  'ClaimsDraft.claims': CLAIMS,
  'ClaimsDraft.realm_claims': CLAIMS,
  'CustomClaim.claim': text((value: string) => claim({ claim: value })),
  'CustomClaim.prefix': text((value: string) => claim({ prefix: value })),
  'CustomClaim.audiences': { takes: (value: unknown) => claim({ audiences: value }), of: list() },
  'CustomClaim.audiences[]': SEVERAL_AUDIENCES,
  'ClaimsDraft.metadata': {
    takes: (value: unknown) => checkMetadata(value),
    of: (size) => Object.fromEntries((list()(size) as string[]).map((key) => [key, ''])),
  },
  'ClaimsDraft.metadata{}': text((value: string) => checkMetadata({ a: value })),
  'GrantSet.items': {
    takes: (value: never) => checkGrants({ roles: [] }, value),
    of: list((at) => ({ role: 'view', type: 'device', id: `d${at}` })),
  },
  'NewForeignKeys.jwks_uri': text((value: string) => typeof keyUrl(value) !== 'string', address),
  'NewForeignKeys.issuer': text(checkOldIssuer, address),
  'NewPortalLink.person': text(parseDisplayName),
  'NewPublicKey.name': text(parseKeyName),
  'NewRealm.display_name': ofRealm('displayName', letters),
  'NewRealm.token_lifetime_seconds': ofRealm('tokenLifetimeSeconds'),
  'NewRealm.service_account_limit': ofRealm('serviceAccountLimit'),
  'NewRealm.scopes': ofRealm('scopes', list()),
  'NewRealm.scopes[]': text(isScopeToken),
  'NewRealm.audiences': ofRealm('audiences', list()),
  'NewRealm.audiences[]': SEVERAL_AUDIENCES,
  'NewRealm.roles': ofRealm('roles', list()),
  'NewRealm.roles[]': text(isCustomRole),
  'NewRealm.resource_types': ofRealm('resourceTypes', list()),
  'NewRealm.resource_types[]': { takes: (value: string) => realm({ resourceTypes: [value] }), of: letters },
  'NewRealm.key_rotation_seconds': ofRealm('keyRotationSeconds', undefined, {
    keyPublishSeconds: 1,
    jwksMaxAgeSeconds: 1,
  }),
  'NewRealm.key_publish_seconds': ofRealm('keyPublishSeconds', undefined, {
    jwksMaxAgeSeconds: 1,
    keyRotationSeconds: 3650 * 86_400,
  }),
  'NewRealm.jwks_max_age_seconds': ofRealm('jwksMaxAgeSeconds', undefined, {
    keyPublishSeconds: 30 * 86_400,
    keyRotationSeconds: 3650 * 86_400,
  }),
  'NewRealm.allowed_auth_methods': ofRealm('allowedAuthMethods', (size) =>
    [...AUTH_METHODS, ...AUTH_METHODS].slice(0, size),
  ),
  'NewRealm.max_secret_age_seconds': ofRealm('maxSecretAgeSeconds'),
  'NewRealm.audit_retention_days': ofRealm('auditRetentionDays'),
  'NewRealm.claims': CLAIMS,
  'NewRealm.quota.tokens_per_hour': QUOTA('tokensPerHour'),
  'NewRealm.quota.tokens_per_day': QUOTA('tokensPerDay'),
  'NewServiceAccount.name': text(parseDisplayName),
  'NewServiceAccount.description': text(parseDescription),
  // A realm that has as many as it may, and those that are built in.
  'NewServiceAccount.roles': {
    takes: (value: readonly unknown[]) => realm({ roles: list()(value.length - 6) as string[] }),
    of: list(),
  },
  'NewServiceAccount.roles[]': text(isCustomRole),
  'NewServiceAccount.scopes': ofRealm('scopes', list()),
  'NewServiceAccount.scopes[]': text(isScopeToken),
  // Those of the realm, its issuer and the admin API.
  'NewServiceAccount.introspects_audiences': {
    takes: (value: readonly unknown[]) => realm({ audiences: list()(value.length - 2) as string[] }),
    of: list(),
  },
  'NewServiceAccount.introspects_audiences[]': SEVERAL_AUDIENCES,
  'NewServiceAccount.claims': CLAIMS,
  'NewServiceAccount.quota.tokens_per_hour': QUOTA('tokensPerHour'),
  'NewServiceAccount.quota.tokens_per_day': QUOTA('tokensPerDay'),
  'NewServiceAccount.allowed_networks': {
    takes: (allowedNetworks: never) => parseLimits({ allowedNetworks }),
    of: list((at) => `10.0.0.${at}`),
  },
  'NewServiceAccount.allowed_networks[]': text(parseNetwork, (size) =>
    '0000:0000:0000:0000:0000:ffff:255.255.255.255/128'.padEnd(size, '0'),
  ),
  'NewServiceAccount.max_secret_age_seconds': ofRealm('maxSecretAgeSeconds'),
  'NewServiceAccount.auth_methods': {
    takes: (value: never) => parseAuthMethods(value, 'auth_methods'),
    of: (size) => [...AUTH_METHODS, ...AUTH_METHODS].slice(0, size),
  },
  'NewServiceAccount.jwks_uri': text((value: string) => typeof keyUrl(value) !== 'string', address),
  'NewServiceAccount.grants': {
    takes: (value: never) => checkGrants({ roles: [] }, value),
    of: list((at) => ({ role: 'view', type: 'device', id: `d${at}` })),
  },
  'NewServiceAccount.client_secret': text(checkImportedClientSecret, (size) =>
    'qW8-zR3_kT6.'.repeat(30).slice(0, size),
  ),
  'NewTrustedIssuer.issuer': ofIssuer('issuer', address),
  'IssuerKeys.jwks_uri': text((value: string) => typeof keyUrl(value) !== 'string', address),
  'IssuerKeys.url': text((value: string) => typeof keyUrl(value) !== 'string', address),
  'NewTrustedIssuer.name': text(parseKeyName),
  'NewTrustedIssuer.audiences': ofIssuer('audiences', list()),
  'NewTrustedIssuer.audiences[]': {
    takes: (value: string) =>
      parseIssuerSettings({
        issuer: 'https://a.example',
        keys: { kind: 'discovery', address: '' },
        audiences: [value],
      }),
    of: letters,
  },
  'NewTrustedIssuer.algorithms': ofIssuer('algorithms', (size) =>
    [...PLATFORM_ALGORITHMS, ...PLATFORM_ALGORITHMS].slice(0, size),
  ),
  'NewTrustedIssuer.max_lifetime_seconds': ofIssuer('maxLifetimeSeconds'),
  'NewTrustedIssuer.required_claims': ofIssuer('requiredClaims', list()),
  'NewTrustedIssuer.required_claims[]|': {
    takes: (value: unknown) =>
      parseIssuerSettings({
        issuer: 'https://a.example',
        keys: { kind: 'discovery', address: '' },
        requiredClaims: [value],
      }),
    of: list(),
  },
  'NewWebhook.url': text((value: string) => parseWebhook({ ...webhook, url: value }), address),
  'NewWebhook.description': text((value: string) => parseWebhook({ ...webhook, description: value })),
  'NewWorkloadIdentity.rules': {
    takes: (value: unknown) => parseRules(value),
    of: list((at) => ({ claim: `a${at}`, equals: 'x' })),
  },
  'ClaimRule.claim|': {
    takes: (value: unknown) => parseRules([{ claim: value, equals: 'x' }]),
    of: list(),
  },
  'ClaimRule.equals|': { takes: (value: unknown) => parseRules([{ claim: 'a', equals: value }]), of: list() },
  'ClaimRule.matches': text(
    (value: string) => parseRules([{ claim: 'a', matches: value }]),
    (size) => '*'.padEnd(size, 'x').slice(0, size),
  ),
  'NewWorkloadIdentity.name': text(parseKeyName),
  'PolicyChange.max_token_lifetime_seconds': ofPolicy('maxTokenLifetimeSeconds'),
  'PolicyChange.min_key_rotation_seconds': ofPolicy('minKeyRotationSeconds'),
  'PolicyChange.max_key_rotation_seconds': ofPolicy('maxKeyRotationSeconds'),
  'PolicyChange.min_jwks_max_age_seconds': ofPolicy('minJwksMaxAgeSeconds'),
  'PolicyChange.max_jwks_max_age_seconds': ofPolicy('maxJwksMaxAgeSeconds'),
  'PolicyChange.max_resources_per_realm': ofPolicy('maxResourcesPerRealm'),
  'PolicyChange.audit_retention_days': ofPolicy('auditRetentionDays'),
  'PolicyChange.min_audit_retention_days': ofPolicy('minAuditRetentionDays'),
  'PolicyChange.max_audit_retention_days': ofPolicy('maxAuditRetentionDays'),
  'ResourceChange.name': text((name: string) =>
    parseResourceEntry({ type: 'device', id: 'a', name }, ['device']),
  ),
  'ResourceChange.groups': {
    takes: (groups: never) =>
      parseResourceEntry({ type: 'device', id: 'a', groups }, ['device', 'device_group']),
    of: list(),
  },
  'ResourceChange.groups[]': text((id: string) => isResourceKey({ type: 'device', id })),
  'RoleSet.items': {
    takes: (value: readonly unknown[]) => realm({ roles: list()(value.length - 6) as string[] }),
    of: list(),
  },
}

/** Forms of texts, and what the domain says of a text. */
const PATTERNS: Readonly<Record<string, (value: string) => boolean>> = {
  'CustomClaim.from': (from) => takes(() => checkCustomClaims([{ claim: 'a', from }])),
  'ClaimsDraft.metadata{key}': (key) => takes(() => checkMetadata({ [key]: '' })),
  'NewGrant.role': (role) => isGrantKey({ role, type: 'device', id: 'a' }),
  'NewGrant.type': (type) => isResourceKey({ type, id: 'a' }),
  'NewGrant.id': (id) => isResourceKey({ type: 'device', id }),
  'NewRealm.name': isRealmName,
  'NewRole.role': (role) => isGrantKey({ role, type: 'device', id: 'a' }),
  'NewServiceAccount.client_id': isClientId,
  'RoleSet.items[]': (role) => isGrantKey({ role, type: 'device', id: 'a' }),
}

const TEXTS = [
  '',
  'a',
  'A',
  '1',
  '-',
  '_',
  '.',
  'a b',
  'é',
  'a/b',
  'a:b',
  'a_b',
  'a@b',
  '~',
  '-deleted-a',
  '__proto__',
].concat(
  ['client_id', 'roles', 'role', 'metadata.', 'metadata.a', 'metadata.1', 'scope2', 'device', 'a\n'],
  [62, 63, 64, 65, 99, 100, 101, 128].flatMap((size) => [letters(size), `metadata.${letters(size)}`]),
)

/** Bounds that the domain has no rule for: the choices are those of a list of names, or nothing beyond them can be of use. */
const OTHERS =
  /^(PlatformToken\.|PolicyChange\.(algorithms|leaked_secret_actions|introspection_audiences)$|NewWebhook\.events$)/

function takes(decide: () => unknown): boolean {
  try {
    return decide() !== false
  } catch {
    return false
  }
}

type Bounded = JsonSchema & Readonly<Record<string, unknown>>

/** Each schema of the bodies, by its place. */
function* places(
  schema: Bounded,
  at: string,
  all: Record<string, Bounded>,
  seen: Set<string>,
): Generator<[string, Bounded]> {
  const name = (schema.$ref as string | undefined)?.split('/').at(-1)
  if (name !== undefined) {
    if (!seen.has(name)) yield* places(all[name] as Bounded, name, all, seen.add(name))
    return
  }
  yield [at, schema]
  for (const [member, one] of Object.entries(schema.properties ?? {}))
    yield* places(one as Bounded, `${at}.${member}`, all, seen)
  if (schema.items) yield* places(schema.items as Bounded, `${at}[]`, all, seen)
  for (const [key, mark] of [
    ['additionalProperties', '{}'],
    ['propertyNames', '{key}'],
  ] as const)
    if (typeof schema[key] === 'object') yield* places(schema[key] as Bounded, `${at}${mark}`, all, seen)
  for (const one of (schema.anyOf ?? []) as Bounded[]) yield* places(one, `${at}|`, all, seen)
}

/** A change has the members of what it changes; claims and metadata are alike everywhere. */
function ruleName(place: string): string {
  return place
    .replace(/^(Realm|ServiceAccount|TrustedIssuer|Webhook|PublicKey)Change\./, 'New$1.')
    .replace(/^NewServiceAccount\.metadata/, 'ClaimsDraft.metadata')
}

async function bodies(t: Parameters<typeof testServer>[0]) {
  const { app } = await testServer(t)
  const document = (await app.inject('/admin/openapi.json')).json() as ApiDocument
  const all = document.components?.schemas as Record<string, Bounded>
  const seen = new Set<string>()
  const found: [string, Bounded][] = []
  for (const methods of Object.values(document.paths))
    for (const { requestBody } of Object.values(methods)) {
      const schema = requestBody?.content['application/json']?.schema
      if (schema) found.push(...places(schema as Bounded, '', all, seen))
    }
  return found.filter(([place]) => !OTHERS.test(ruleName(place)))
}

const LARGEST = ['maxLength', 'maxItems', 'maxProperties', 'maximum']
const SMALLEST = ['minLength', 'minItems', 'minimum']

t.test('each bound of a body in the API document is that of the domain', async (t) => {
  let compared = 0
  for (const [place, schema] of await bodies(t))
    for (const bound of [...LARGEST, ...SMALLEST].filter((name) => schema[name] !== undefined)) {
      const rule = RULES[ruleName(place)]
      t.ok(rule, `${place} ${bound}: say in RULES which rule of the domain it has`)
      if (!rule) continue
      const size = schema[bound] as number
      const make = rule.of ?? ((number: number) => number)
      const beyond = size + (LARGEST.includes(bound) ? 1 : -1)
      t.ok(
        takes(() => rule.takes(make(size) as never)),
        `${place}: the domain takes ${bound} ${size}`,
      )
      t.notOk(
        takes(() => rule.takes(make(beyond) as never)),
        `${place}: and refuses ${beyond}`,
      )
      compared++
    }
  t.ok(compared > 120, `${compared} bounds`)
})

t.test('each form of a text in a body is that of the domain', async (t) => {
  for (const [place, { pattern }] of await bodies(t)) {
    if (pattern === undefined) continue
    const rule = PATTERNS[ruleName(place)]
    t.ok(rule, `${place}: say in PATTERNS which rule of the domain it has`)
    for (const text of TEXTS)
      t.equal(
        new RegExp(pattern, 'u').test(text),
        rule?.(text),
        `${place}: ${JSON.stringify(text.slice(0, 40))}`,
      )
  }
})
