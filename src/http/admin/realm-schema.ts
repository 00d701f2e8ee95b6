import { MAX_SECRET_AGE_SECONDS } from '../../domain/account-limits.ts'
import { MAX_AUDIENCE_LENGTH } from '../../domain/audience.ts'
import { ASSERTION_AUDIENCES, AUTH_METHODS } from '../../domain/client-key.ts'
import { INTROSPECTION_AUDIENCES } from '../../domain/introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS } from '../../domain/leaked-secret.ts'
import {
  MAX_AUDIT_RETENTION_DAYS,
  MAX_JWKS_AGE_SECONDS,
  MAX_KEY_ROTATION_SECONDS,
  MIN_AUDIT_RETENTION_DAYS,
  MIN_KEY_ROTATION_SECONDS,
} from '../../domain/policy.ts'
import {
  ALGORITHMS,
  DEFAULT_REALM_SETTINGS,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
  NEW_REALM_NAME_PATTERN,
  type RealmSettings,
  TOKEN_PROFILES,
  TOKEN_TYPE_HEADERS,
} from '../../domain/realm.ts'
import {
  MAX_KEY_PUBLISH_SECONDS,
  MAX_LIST,
  MAX_REALM_DISPLAY_NAME,
  MAX_ROLES,
  MAX_SCOPES,
  MAX_SERVICE_ACCOUNTS,
} from '../../domain/realm-settings.ts'
import { MAX_ROLE_LENGTH } from '../../domain/role.ts'
import { MAX_SCOPE_LENGTH } from '../../domain/scope.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { quotaFromWire } from '../../wire/quota.ts'
import { Claims } from './claim-schema.ts'
import { quotaOf } from './quota-schema.ts'
import { Closed, Moment, named, Warnings } from './schemas.ts'

const defaults = DEFAULT_REALM_SETTINGS

const Texts = (description: string, maxLength: number, bounds: object) =>
  Type.Array(Type.String({ maxLength }), { ...bounds, description })

const settings = {
  display_name: Type.String({
    maxLength: MAX_REALM_DISPLAY_NAME,
    description: 'Name for people, without control characters',
  }),
  algorithm: Type.Enum([...ALGORITHMS], {
    description: `Signs tokens (RFC 7518); a new one takes over by key rotation. Default: ${defaults.algorithm}`,
  }),
  token_lifetime_seconds: Type.Integer({
    minimum: MIN_TOKEN_LIFETIME_SECONDS,
    maximum: MAX_TOKEN_LIFETIME_SECONDS,
    description: `Default: ${defaults.tokenLifetimeSeconds}`,
  }),
  service_account_limit: Type.Integer({
    minimum: 0,
    maximum: MAX_SERVICE_ACCOUNTS,
    description: `For platform administrators to set. Default: ${defaults.serviceAccountLimit}`,
  }),
  scopes: Texts('Scopes that tokens may have (RFC 6749 section 3.3). Default: view', MAX_SCOPE_LENGTH, {
    minItems: 1,
    maxItems: MAX_SCOPES,
  }),
  audiences: Texts(
    "What tokens may be for, the default first. Default: none, which is the realm's issuer",
    MAX_AUDIENCE_LENGTH,
    { maxItems: MAX_LIST },
  ),
  roles: Texts('Roles beside the built-in ones', MAX_ROLE_LENGTH, { maxItems: MAX_ROLES }),
  resource_types: Texts('Types of resources beside device and device_group', MAX_ROLE_LENGTH, {
    maxItems: MAX_LIST,
  }),
  key_rotation_seconds: Type.Integer({
    minimum: MIN_KEY_ROTATION_SECONDS,
    maximum: MAX_KEY_ROTATION_SECONDS,
    description: 'Age at which a key is replaced, at least twice key_publish_seconds. Default: 90 days',
  }),
  key_publish_seconds: Type.Integer({
    minimum: 1,
    maximum: MAX_KEY_PUBLISH_SECONDS,
    description: 'How long a key is published before it signs, at least jwks_max_age_seconds. Default: a day',
  }),
  jwks_max_age_seconds: Type.Integer({
    minimum: 1,
    maximum: MAX_JWKS_AGE_SECONDS,
    description: `How long the JWKS may be cached. Default: ${defaults.jwksMaxAgeSeconds}`,
  }),
  leaked_secret_action: Type.Enum([...LEAKED_SECRET_ACTIONS], {
    description: 'What is done about a secret that is reported to have leaked. Default: disable',
  }),
  token_type_header: Type.Enum([...TOKEN_TYPE_HEADERS], {
    description:
      'The typ of access tokens: JWT for validators that refuse the one of RFC 9068. A change makes tokens issued before it inactive. Default: at+jwt',
  }),
  allowed_auth_methods: Type.Array(Type.Enum([...AUTH_METHODS]), {
    minItems: 1,
    maxItems: AUTH_METHODS.length,
    description:
      'The auth_methods that new service accounts may have, and that may be added to existing ones. Default: all',
  }),
  assertion_audience: Type.Enum([...ASSERTION_AUDIENCES], {
    description: `The aud of assertions (RFC 7523): the realm's issuer, or for older clients also the token endpoint's address. Default: ${defaults.assertionAudience}`,
  }),
  shadow_mode: Type.Boolean({
    description:
      'The token endpoint checks requests as usual, answers 204 without a token, and counts requests that would have failed: for mirrored traffic of another server, before the switch. Default: false',
  }),
  quota: quotaOf(
    'Tokens that all accounts of the realm together may get. Only platform administrators set it',
  ),
  max_secret_age_seconds: Type.Integer({
    minimum: 0,
    maximum: MAX_SECRET_AGE_SECONDS,
    description:
      'Age at which secrets of its service accounts stop working; 0: at no age. At least an hour. Default: 0',
  }),
  audit_retention_days: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: MIN_AUDIT_RETENTION_DAYS,
    maximum: MAX_AUDIT_RETENTION_DAYS,
    description:
      'Age at which lines of its audit trail are deleted, within the bounds of the policy; null, the default: that of the policy',
  }),
  introspection_audiences: Type.Enum([...INTROSPECTION_AUDIENCES], {
    description:
      'Tokens that unsigned introspection shows to an account with introspects_audiences: those for its audiences (served), or all of the realm. Signed answers show only the former. Default: served',
  }),
  claims: Claims,
  token_profile: Type.Enum([...TOKEN_PROFILES], {
    description:
      'Shape of access tokens: RFC 9068, or that of Keycloak for APIs that read its claims (typ JWT then, whatever token_type_header says). Default: rfc9068',
  }),
}

export const RealmName = Type.String({
  pattern: NEW_REALM_NAME_PATTERN,
  description: 'Part of its issuer; not one that begins with -deleted-',
})

export const RealmChange = named('RealmChange', Type.Partial(Type.Object(settings), Closed))

export const NewRealm = named(
  'NewRealm',
  Type.Object({ name: RealmName, ...Type.Partial(Type.Object(settings)).properties }, Closed),
)

export const RealmAnswer = named(
  'Realm',
  Type.Object({
    name: RealmName,
    issuer: Type.String({ description: 'The iss of its tokens' }),
    ...settings,
    service_account_count: Type.Integer(),
    created_at: Moment,
    warnings: Warnings,
  }),
)

/** Only the members that were sent; the operation decides the rest. */
export function readSettings(body: Static<typeof RealmChange>): Partial<RealmSettings> {
  const read = {
    displayName: body.display_name,
    algorithm: body.algorithm,
    tokenLifetimeSeconds: body.token_lifetime_seconds,
    serviceAccountLimit: body.service_account_limit,
    scopes: body.scopes,
    audiences: body.audiences,
    roles: body.roles,
    resourceTypes: body.resource_types,
    keyRotationSeconds: body.key_rotation_seconds,
    keyPublishSeconds: body.key_publish_seconds,
    jwksMaxAgeSeconds: body.jwks_max_age_seconds,
    leakedSecretAction: body.leaked_secret_action,
    introspectionAudiences: body.introspection_audiences,
    tokenTypeHeader: body.token_type_header,
    allowedAuthMethods: body.allowed_auth_methods,
    assertionAudience: body.assertion_audience,
    shadowMode: body.shadow_mode,
    quota: quotaFromWire(body.quota),
    maxSecretAgeSeconds: body.max_secret_age_seconds,
    auditRetentionDays: body.audit_retention_days,
    claims: body.claims,
    tokenProfile: body.token_profile,
  }
  const said = Object.entries(read).filter(([, value]) => value !== undefined)
  return Object.fromEntries(said) as Partial<RealmSettings>
}
