import {
  MAX_NETWORK_LENGTH,
  MAX_NETWORKS,
  MAX_SECRET_AGE_SECONDS,
  MIN_SECRET_AGE_SECONDS,
} from '../../domain/account-limits.ts'
import { MAX_AUDIENCE_LENGTH } from '../../domain/audience.ts'
import { AUTH_METHODS } from '../../domain/client-key.ts'
import { FOREIGN_HASH_KINDS, type ForeignHashKind } from '../../domain/foreign-hash.ts'
import { MAX_GRANTS } from '../../domain/grant.ts'
import { MAX_KEY_ADDRESS_LENGTH } from '../../domain/key-address.ts'
import { MAX_LIST, MAX_ROLES_OF_ACCOUNT, MAX_SCOPES } from '../../domain/realm-settings.ts'
import { MAX_ROLE_LENGTH } from '../../domain/role.ts'
import { MAX_SCOPE_LENGTH } from '../../domain/scope.ts'
import {
  CLIENT_ID_PATTERN,
  MAX_DESCRIPTION_LENGTH,
  MAX_IMPORTED_SECRET,
  MAX_NAME_LENGTH,
  MIN_IMPORTED_SECRET,
} from '../../domain/service-account.ts'
import { Type } from '../../wire/json-schema.ts'
import { Claims, MetadataPairs } from './claim-schema.ts'
import { NewClientKey } from './client-key-schema.ts'
import { NewGrant } from './grant-schema.ts'
import { quotaOf } from './quota-schema.ts'
import { Closed, MaybeMoment, MaybeText, Moment, named, Warnings } from './schemas.ts'

// The domain limits length and characters, with better messages.
const members = {
  name: Type.String({
    minLength: 1,
    maxLength: MAX_NAME_LENGTH,
    description: 'Unique in the realm, whatever its case',
  }),
  description: Type.String({ maxLength: MAX_DESCRIPTION_LENGTH, description: 'What it is for' }),
  roles: Type.Array(Type.String({ maxLength: MAX_ROLE_LENGTH }), {
    maxItems: MAX_ROLES_OF_ACCOUNT,
    description: 'Default: view',
  }),
  scopes: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string', maxLength: MAX_SCOPE_LENGTH },
    maxItems: MAX_SCOPES,
    description: "Scopes that it may have; null: all of the realm's",
  }),
  introspects_audiences: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string', maxLength: MAX_AUDIENCE_LENGTH },
    // Those of the realm, its issuer and the admin API.
    maxItems: MAX_LIST + 2,
    description:
      'Audiences that it serves. With the role introspect it sees only tokens for these. null: it sees all tokens of the realm, by signed answers only if the realm has a single audience',
  }),
  claims: Claims,
  metadata: MetadataPairs,
  quota: quotaOf('Tokens that it may get'),
  allowed_networks: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string', maxLength: MAX_NETWORK_LENGTH },
    minItems: 1,
    maxItems: MAX_NETWORKS,
    description:
      'Addresses and networks (CIDR) that it may authenticate from, by the address that the server sees; null: any',
  }),
  max_secret_age_seconds: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    minimum: MIN_SECRET_AGE_SECONDS,
    maximum: MAX_SECRET_AGE_SECONDS,
    description:
      "Age at which its secrets stop working, where that of its realm does not come first; null: its realm's",
  }),
}

/** As it is sent. */
const MaybeTime = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' })

const AuthMethods = Type.Array(Type.Enum([...AUTH_METHODS]), {
  minItems: 1,
  maxItems: AUTH_METHODS.length,
  description:
    'How it may authenticate: one or more. Default: client_secret, or private_key_jwt where it is made with a key',
})

const JwksUri = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  maxLength: MAX_KEY_ADDRESS_LENGTH,
  description:
    'https address where it publishes its keys for private_key_jwt, as a JWKS; null: its keys are uploaded. Changed or taken away, the tokens that it has got end',
})

const EndsAt = {
  description: 'From then on it gets no tokens, and those that it has are not active; null: it does not end',
}

const optional = Type.Partial(Type.Object(members)).properties

export const NewServiceAccount = named(
  'NewServiceAccount',
  Type.Object(
    {
      ...optional,
      name: members.name,
      auth_methods: Type.Optional(AuthMethods),
      key: Type.Optional(NewClientKey),
      expires_at: Type.Optional({ ...MaybeTime, ...EndsAt }),
      jwks_uri: Type.Optional(JwksUri),
      grants: Type.Optional(
        Type.Array(NewGrant, {
          maxItems: MAX_GRANTS,
          description: 'Roles on single resources; all of them are given, or there is no account',
        }),
      ),
      client_id: Type.Optional(
        Type.String({
          pattern: CLIENT_ID_PATTERN,
          description: 'That the client has already; with client_secret',
        }),
      ),
      client_secret: Type.Optional(
        Type.String({
          minLength: MIN_IMPORTED_SECRET,
          maxLength: MAX_IMPORTED_SECRET,
          description: 'That the client has already; with client_id',
        }),
      ),
    },
    Closed,
  ),
)

export const ServiceAccountChange = named(
  'ServiceAccountChange',
  Type.Object(
    {
      ...optional,
      auth_methods: Type.Optional(AuthMethods),
      jwks_uri: Type.Optional(JwksUri),
      expires_at: Type.Optional({ ...MaybeTime, ...EndsAt }),
      enabled: Type.Optional(Type.Boolean({ description: 'false: none of its credentials get a token' })),
    },
    Closed,
  ),
)

export const ServiceAccountAnswer = named(
  'ServiceAccount',
  Type.Object({
    client_id: Type.String(),
    realm: Type.String(),
    ...members,
    auth_methods: AuthMethods,
    jwks_uri: JwksUri,
    subject: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'sub of its tokens with token_profile keycloak, from an import; null: its client_id',
    }),
    expires_at: { ...MaybeMoment, ...EndsAt },
    enabled: Type.Boolean(),
    disabled_at: MaybeMoment,
    foreign_hash: Type.Unsafe<ForeignHashKind | null>({
      enum: [...FOREIGN_HASH_KINDS, null],
      description: 'Hash that its secret was imported with and still has; null once the secret was used here',
    }),
    created_at: Moment,
    updated_at: Moment,
    last_used_at: MaybeMoment,
    last_used_address: MaybeText,
    last_used_scope: MaybeText,
    warnings: Warnings,
  }),
)
