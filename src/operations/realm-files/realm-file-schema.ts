import { ASSERTION_AUDIENCES, AUTH_METHODS } from '../../domain/client-key.ts'
import { PRESET_NAMES } from '../../domain/federation-presets.ts'
import { INTROSPECTION_AUDIENCES } from '../../domain/introspection-audience.ts'
import { LEAKED_SECRET_ACTIONS } from '../../domain/leaked-secret.ts'
import { PLATFORM_ALGORITHMS } from '../../domain/platform-algorithm.ts'
import { ALGORITHMS, TOKEN_PROFILES, TOKEN_TYPE_HEADERS } from '../../domain/realm.ts'
import { KEY_SOURCES } from '../../domain/trusted-issuer.ts'
import { type Static, type TSchema, Type } from '../../wire/json-schema.ts'
import { Claim, quota, RealmFileWebhook } from './realm-file-values.ts'

// Shapes alone: what a value may be is decided by the operations that write it.
const Closed = { additionalProperties: false }
const text = (description: string) => Type.String({ description })
const texts = (description: string) => Type.Array(Type.String(), { description })
const choice = (values: readonly string[], description: string) => Type.Enum([...values], { description })
const maybeTexts = (description: string) =>
  Type.Unsafe<string[] | null>({ type: ['array', 'null'], items: { type: 'string' }, description })
const maybeTime = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description })
const seconds = (description: string) => Type.Integer({ description })
const anyObject = (description: string) =>
  Type.Unsafe<Record<string, unknown>>({ type: 'object', description })

function optional<T extends Record<string, TSchema>>(members: T) {
  return Type.Partial(Type.Object(members)).properties
}

/** Settings of a realm, by their names in the admin API. */
const settings = {
  display_name: text('Name for people'),
  algorithm: choice(ALGORITHMS, 'Signs tokens; a new one takes over by key rotation'),
  token_lifetime_seconds: seconds('How long a token is valid'),
  service_account_limit: Type.Integer({ description: 'Service accounts at most' }),
  scopes: texts('Scopes that tokens may have'),
  audiences: texts('What tokens may be for, the default first'),
  roles: texts('Roles beside the built-in ones'),
  resource_types: texts('Types of resources beside device and device_group'),
  key_rotation_seconds: seconds('Age at which a signing key is replaced'),
  key_publish_seconds: seconds('How long a signing key is published before it signs'),
  jwks_max_age_seconds: seconds('How long the JWKS may be cached'),
  leaked_secret_action: choice(LEAKED_SECRET_ACTIONS, 'What is done about a secret that leaked'),
  introspection_audiences: choice(INTROSPECTION_AUDIENCES, 'Tokens that unsigned introspection shows'),
  token_type_header: choice(TOKEN_TYPE_HEADERS, 'typ of access tokens'),
  token_profile: choice(TOKEN_PROFILES, 'Shape of access tokens'),
  allowed_auth_methods: Type.Array(Type.Enum([...AUTH_METHODS]), {
    description: 'auth_methods that new service accounts may have',
  }),
  assertion_audience: choice(ASSERTION_AUDIENCES, 'aud of assertions'),
  shadow_mode: Type.Boolean({ description: 'Give no tokens, and count what would have failed' }),
  max_secret_age_seconds: seconds('Age at which secrets stop working; 0: at no age'),
  audit_retention_days: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'Age at which lines of its audit trail are deleted; null: that of the policy',
  }),
  claims: Type.Array(Claim, { description: 'Claims that tokens get' }),
  quota: quota('Tokens that its accounts may get together'),
}

const Key = Type.Object(
  {
    kid: Type.Optional(text('Default: the kid of the JWK, or the thumbprint')),
    name: Type.Optional(text('In your words')),
    expires_at: Type.Optional(maybeTime('null: never')),
    jwk: Type.Optional(anyObject('A public JWK')),
    pem: Type.Optional(text('A public key in PEM, instead of jwk')),
  },
  { ...Closed, description: 'The public half of a key; one of jwk and pem' },
)

const Identity = Type.Object(
  {
    trusted_issuer: text('issuer of one of the trusted issuers'),
    name: Type.Optional(text('In your words')),
    rules: Type.Array(anyObject('A rule: claim, and equals or matches'), {
      description: 'Which tokens of the issuer get in',
    }),
  },
  Closed,
)

const Grant = Type.Object({ role: Type.String(), type: Type.String(), id: Type.String() }, Closed)

export const RealmFileAccount = Type.Object(
  {
    client_id: text('Finds the account; a new one gets it'),
    ...optional({
      name: text('Unique in the realm. Default of a new account: its client_id'),
      description: text('What it is for'),
      enabled: Type.Boolean(),
      roles: texts('Replaces its roles. Default of a new account: view'),
      scopes: maybeTexts("Scopes that it may have; null: all of the realm's"),
      introspects_audiences: maybeTexts('Audiences whose tokens it may introspect; null: none configured'),
      auth_methods: Type.Array(Type.Enum([...AUTH_METHODS]), { description: 'By what it authenticates' }),
      claims: Type.Array(Claim, { description: 'Claims that its tokens get, over those of the realm' }),
      subject: Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'sub of its tokens by token_profile keycloak; null: its client_id, or what it has',
      }),
      quota: quota('Tokens that it may get'),
      allowed_networks: maybeTexts('Networks that it may authenticate from; null: any'),
      expires_at: maybeTime('When it ends; null: it does not'),
      max_secret_age_seconds: Type.Unsafe<number | null>({
        type: ['integer', 'null'],
        description: 'Age at which its secrets stop working; null: that of the realm',
      }),
      metadata: Type.Record(Type.String(), Type.String(), { description: 'Pairs of text for claims' }),
      jwks_uri: Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'Where it publishes its keys, instead of keys',
      }),
      keys: Type.Array(Key),
      workload_identities: Type.Array(Identity),
      grants: Type.Array(Grant, { description: 'Roles on single resources' }),
    }),
  },
  { ...Closed, description: 'A service account, never its secret' },
)

export const RealmFileResource = Type.Object(
  {
    type: Type.String(),
    id: Type.String(),
    name: Type.Optional(text('Default: its id')),
    groups: Type.Optional(texts('Ids of groups that contain it')),
  },
  Closed,
)

const ClaimPath = Type.Unsafe<string | string[]>({ type: ['string', 'array'], items: { type: 'string' } })

export const RealmFileIssuer = Type.Object(
  {
    issuer: text('iss of its tokens; finds the trusted issuer'),
    ...optional({
      preset: Type.Unsafe<string | null>({
        enum: [...PRESET_NAMES, null],
        description: 'Fills in what a new issuer leaves out',
      }),
      name: text('In your words'),
      keys: Type.Object(
        {
          source: choice(KEY_SOURCES, 'Where its keys come from'),
          jwks_uri: Type.Optional(text('Address of the keys, for source jwks_uri')),
          url: Type.Optional(text('Bundle endpoint, for source spiffe_bundle')),
          jwks: Type.Optional(anyObject('Public keys, for source jwks')),
        },
        Closed,
      ),
      audiences: maybeTexts("Values of aud; null: the realm's issuer and its token endpoint"),
      algorithms: Type.Array(Type.Enum([...PLATFORM_ALGORITHMS])),
      max_lifetime_seconds: seconds('For how long a token may be valid'),
      single_use: Type.Boolean({ description: 'Each token is accepted once' }),
      required_claims: Type.Array(ClaimPath),
      enabled: Type.Boolean(),
    }),
  },
  Closed,
)

export const LISTS = {
  webhooks: RealmFileWebhook,
  trusted_issuers: RealmFileIssuer,
  resources: RealmFileResource,
  service_accounts: RealmFileAccount,
} as const

export const RealmFile = Type.Object(
  {
    realm: Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: 'Name of the realm' }),
    ...optional(settings),
    ...optional({
      webhooks: Type.Array(RealmFileWebhook, { description: 'Addresses that are told of what happens' }),
      trusted_issuers: Type.Array(RealmFileIssuer),
      resources: Type.Array(RealmFileResource, { description: 'Groups may stand before or after members' }),
      service_accounts: Type.Array(RealmFileAccount),
    }),
  },
  Closed,
)

export type RealmFile = Static<typeof RealmFile>
export type RealmFileAccount = Static<typeof RealmFileAccount>
export type RealmFileResource = Static<typeof RealmFileResource>
export type RealmFileIssuer = Static<typeof RealmFileIssuer>
export type ListName = keyof typeof LISTS

export const LIST_NAMES = Object.keys(LISTS) as ListName[]
export const SETTING_NAMES = Object.keys(settings) as (keyof typeof settings)[]
export const ACCOUNT_NAMES = Object.keys(RealmFileAccount.properties)
export const ISSUER_NAMES = Object.keys(RealmFileIssuer.properties)
