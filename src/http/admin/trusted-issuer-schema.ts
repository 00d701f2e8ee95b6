import { MAX_CLAIM_PATH, MAX_RULE_TEXT } from '../../domain/claim-rule.ts'
import { MAX_KEY_NAME_LENGTH } from '../../domain/client-key.ts'
import { PRESET_NAMES } from '../../domain/federation-presets.ts'
import { MAX_KEY_ADDRESS_LENGTH } from '../../domain/key-address.ts'
import { PLATFORM_ALGORITHMS } from '../../domain/platform-algorithm.ts'
import {
  DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS,
  KEY_SOURCES,
  MAX_ISSUER_AUDIENCE_LENGTH,
  MAX_ISSUER_AUDIENCES,
  MAX_ISSUER_LENGTH,
  MAX_PLATFORM_TOKEN_LIFETIME_SECONDS,
  MAX_REQUIRED_CLAIMS,
  MIN_PLATFORM_TOKEN_LIFETIME_SECONDS,
} from '../../domain/trusted-issuer.ts'
import type { SentSettings } from '../../operations/federation/sent-issuer.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { Closed, MaybeText, Moment, named } from './schemas.ts'

const Jwks = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: true,
  description: 'A JWKS (RFC 7517) of public keys. Keys for other uses are left out, with a warning',
})

const Address = (description: string) => Type.String({ maxLength: MAX_KEY_ADDRESS_LENGTH, description })

const Keys = named(
  'IssuerKeys',
  Type.Object(
    {
      source: Type.Enum([...KEY_SOURCES], {
        description: 'discovery: by the metadata of the issuer. Uploaded keys (jwks) are never fetched',
      }),
      jwks_uri: Type.Optional(Address('Address of the keys, for source jwks_uri')),
      url: Type.Optional(Address('Bundle endpoint, for source spiffe_bundle')),
      jwks: Type.Optional(Jwks),
    },
    Closed,
  ),
)

const ClaimPath = Type.Unsafe<string | string[]>({
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, maxItems: MAX_CLAIM_PATH }],
  description: `The name of a claim, or up to ${MAX_CLAIM_PATH} names from the outermost to the claim; each has 1 to ${MAX_RULE_TEXT} characters`,
})

const members = {
  name: Type.String({ maxLength: MAX_KEY_NAME_LENGTH, description: 'In your words' }),
  audiences: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string', minLength: 1, maxLength: MAX_ISSUER_AUDIENCE_LENGTH },
    minItems: 1,
    maxItems: MAX_ISSUER_AUDIENCES,
    description:
      "Values of aud, all of which a token may have. null, the default: the realm's issuer and its token endpoint",
  }),
  algorithms: Type.Array(Type.Enum([...PLATFORM_ALGORITHMS]), {
    minItems: 1,
    maxItems: PLATFORM_ALGORITHMS.length,
    description: 'Default: all',
  }),
  max_lifetime_seconds: Type.Integer({
    minimum: MIN_PLATFORM_TOKEN_LIFETIME_SECONDS,
    maximum: MAX_PLATFORM_TOKEN_LIFETIME_SECONDS,
    description: `For how long a token may be valid. Default: ${DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS}`,
  }),
  single_use: Type.Boolean({
    description:
      'Each token is accepted once, by its jti. Default: false, because platforms give out the same token again',
  }),
  required_claims: Type.Array(ClaimPath, {
    maxItems: MAX_REQUIRED_CLAIMS,
    description: 'All of which a workload identity pins that does not pin sub',
  }),
  enabled: Type.Boolean({
    description: 'false: no token of it is accepted, and those got by it end. Default: true',
  }),
}

const optional = Type.Partial(Type.Object(members)).properties

const Issuer = Type.String({
  maxLength: MAX_ISSUER_LENGTH,
  description:
    'iss of its tokens, byte for byte: an https address. Or spiffe:// and the trust domain of their sub',
})

const Preset = Type.Enum([...PRESET_NAMES], { description: 'Fills in what is not sent' })

export const NewTrustedIssuer = named(
  'NewTrustedIssuer',
  Type.Object(
    { issuer: Type.Optional(Issuer), preset: Type.Optional(Preset), keys: Type.Optional(Keys), ...optional },
    Closed,
  ),
)

export const TrustedIssuerChange = named(
  'TrustedIssuerChange',
  Type.Object(
    { issuer: Type.Optional(Issuer), preset: Type.Optional(Preset), keys: Type.Optional(Keys), ...optional },
    {
      ...Closed,
      description: 'issuer and required_claims can only change while no workload identity is bound to it',
    },
  ),
)

export const TrustedIssuerAnswer = named(
  'TrustedIssuer',
  Type.Object({
    id: Type.String(),
    issuer: Issuer,
    name: members.name,
    preset: MaybeText,
    keys: Type.Unsafe<object>({ ...Keys, title: 'StoredIssuerKeys', additionalProperties: true }),
    audiences: members.audiences,
    algorithms: members.algorithms,
    max_lifetime_seconds: members.max_lifetime_seconds,
    single_use: members.single_use,
    required_claims: Type.Array(Type.Array(Type.String())),
    enabled: members.enabled,
    ending: Type.Optional(
      Type.Boolean({ description: 'true while tokens that were got by it are still being ended' }),
    ),
    warnings: Type.Array(Type.String(), { description: 'What to know of it, for people' }),
    created_at: Moment,
    updated_at: Moment,
  }),
)

/** Only the members that were sent; the operation decides the rest. */
export function readIssuer({
  keys,
  max_lifetime_seconds,
  single_use,
  required_claims,
  ...same
}: Static<typeof TrustedIssuerChange>): SentSettings {
  return {
    ...same,
    keys: keys && { source: keys.source, jwksUri: keys.jwks_uri, url: keys.url, jwks: keys.jwks },
    maxLifetimeSeconds: max_lifetime_seconds,
    singleUse: single_use,
    requiredClaims: required_claims,
  }
}
