import { KEY_ALGORITHMS, MAX_KEY_NAME_LENGTH, MAX_KEYS, type PublicJwk } from '../../domain/client-key.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { readMoment } from './moment.ts'
import { Closed, MaybeMoment, Moment, named } from './schemas.ts'

const End = { type: ['string', 'null'], format: 'date-time' }

const Name = Type.String({ maxLength: MAX_KEY_NAME_LENGTH, description: 'In your words' })

// Any text: the content is checked for a private key.
const Text = (description: string) => Type.Optional(Type.String({ description }))

export const NewClientKey = named(
  'NewPublicKey',
  Type.Object(
    {
      jwk: Type.Optional(
        Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          description: 'A public JWK (RFC 7517). Its kid and alg are kept where it has them',
        }),
      ),
      pem: Text('A public key as SubjectPublicKeyInfo: -----BEGIN PUBLIC KEY-----'),
      certificate: Text('An X.509 certificate in PEM that has not expired. Only its key is taken'),
      name: Type.Optional(Name),
      expires_at: Type.Optional(
        Type.Unsafe<string | null>({ ...End, description: 'In the future. Default: never' }),
      ),
    },
    {
      ...Closed,
      description: `Exactly one of jwk, pem and certificate. At most ${MAX_KEYS} keys an account: RSA of 2048 to 8192 bits, P-256, P-384, Ed25519 or ML-DSA`,
    },
  ),
)

export const ClientKeyChange = named(
  'PublicKeyChange',
  Type.Object(
    {
      name: Type.Optional(Name),
      expires_at: Type.Optional(
        Type.Unsafe<string | null>({
          ...End,
          description: 'Now or in the past: the key ends at once, by the clock of every node. null: never',
        }),
      ),
    },
    Closed,
  ),
)

export const ClientKeyAnswer = named(
  'PublicKey',
  Type.Object({
    kid: Type.String({ description: 'What assertions name it by: the kid of the JWK, or the thumbprint' }),
    thumbprint: Type.String({ description: 'RFC 7638, by SHA-256' }),
    algorithm: Type.Enum([...KEY_ALGORITHMS], {
      description:
        'The alg of the JWK. Without one: RS256 (PS256 too), ES256, ES384, EdDSA (Ed25519 too) or the ML-DSA of the key',
    }),
    name: Name,
    created_at: Moment,
    expires_at: MaybeMoment,
    last_used_at: MaybeMoment,
    jwk: Type.Unsafe<PublicJwk>({ type: 'object', additionalProperties: { type: 'string' } }),
  }),
)

export const KeepTokens = Type.Object({
  keep_tokens: Type.Optional(
    Type.Enum(['true', 'false'], {
      description: 'true: the tokens of the account stay good. Default: they end with the key',
    }),
  ),
})

/** @throws Refusal `invalid` for a moment that is none */
export function readNewKey({ expires_at, ...sent }: Static<typeof NewClientKey>, field: string) {
  return { ...sent, expiresAt: readMoment(expires_at ?? undefined, field) }
}
