import { PRESET_NAMES } from '../../domain/federation-presets.ts'
import { PLATFORM_ALGORITHMS } from '../../domain/platform-algorithm.ts'
import {
  DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS,
  KEY_SOURCES,
  MAX_PLATFORM_TOKEN_LIFETIME_SECONDS,
} from '../../domain/trusted-issuer.ts'
import type { SentSettings } from '../../operations/federation/sent-issuer.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { Closed, MaybeText, Moment, named } from './schemas.ts'

const Jwks = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: true,
  description:
    'A JWKS (RFC 7517) of public keys. Those that are for something else are left out, with a warning',
})

const Keys = named(
  'IssuerKeys',
  Type.Object(
    {
      source: Type.Enum([...KEY_SOURCES], {
        description: 'discovery: by the metadata of the issuer. Uploaded keys (jwks) are never fetched',
      }),
      jwks_uri: Type.Optional(Type.String({ description: 'Address of the keys, for source jwks_uri' })),
      url: Type.Optional(Type.String({ description: 'Bundle endpoint, for source spiffe_bundle' })),
      jwks: Type.Optional(Jwks),
    },
    Closed,
  ),
)

const ClaimPath = Type.Unsafe<string | string[]>({
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, maxItems: 8 }],
  description: 'The name of a claim, or the names from the outermost to the claim',
})

const members = {
  name: Type.String({ maxLength: 100, description: 'In your words' }),
  audiences: Type.Unsafe<string[] | null>({
    type: ['array', 'null'],
    items: { type: 'string' },
    minItems: 1,
    maxItems: 20,
    description:
      "Values of aud, all of which a token may have. null, the default: the realm's issuer and its token endpoint",
  }),
  algorithms: Type.Array(Type.Enum([...PLATFORM_ALGORITHMS]), { maxItems: 20, description: 'Default: all' }),
  max_lifetime_seconds: Type.Integer({
    minimum: 30,
    maximum: MAX_PLATFORM_TOKEN_LIFETIME_SECONDS,
    description: `For how long a token may be valid. Default: ${DEFAULT_PLATFORM_TOKEN_LIFETIME_SECONDS}`,
  }),
  single_use: Type.Boolean({
    description:
      'Each token is accepted once, by its jti. Default: false, for platforms hand out the same one again',
  }),
  required_claims: Type.Array(ClaimPath, {
    maxItems: 8,
    description: 'All of which a workload identity pins that does not pin sub',
  }),
  enabled: Type.Boolean({
    description: 'false: no token of it is accepted, and those got by it end. Default: true',
  }),
}

const optional = Type.Partial(Type.Object(members)).properties

const Issuer = Type.String({
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
