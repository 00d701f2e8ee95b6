import type { CustomClaim, Metadata } from '../../domain/custom-claim.ts'
import { CLAIM_FORMS, CLAIM_SOURCES } from '../../domain/custom-claim.ts'
import { MAX_CLAIM_VALUE_BYTES, MAX_CUSTOM_CLAIMS, MAX_METADATA } from '../../domain/custom-claim-check.ts'
import { Type } from '../../wire/json-schema.ts'
import { Closed, named } from './schemas.ts'

/** The domain checks it with better messages; this says what there is. */
const Claim = named(
  'CustomClaim',
  Type.Unsafe<CustomClaim>(
    Type.Object(
      {
        claim: Type.String({
          maxLength: 1000,
          description: 'Its path: names after dots; \\. is a dot within a name',
        }),
        value: Type.Optional(
          Type.Unknown({ description: `Any JSON of at most ${MAX_CLAIM_VALUE_BYTES} bytes; or else from` }),
        ),
        from: Type.Optional(
          Type.String({
            maxLength: 1000,
            description: `Where the value comes from: ${CLAIM_SOURCES.join(', ')}, or metadata.<key>`,
          }),
        ),
        prefix: Type.Optional(Type.String({ maxLength: 1000, description: 'Text before the value' })),
        as: Type.Optional(
          Type.Enum([...CLAIM_FORMS], {
            description: 'What the value becomes. Default: string[] for roles, else string',
          }),
        ),
        audiences: Type.Optional(
          Type.Array(Type.String({ maxLength: 1100 }), {
            maxItems: 100,
            description: 'Only in tokens for one of these. Default: in all',
          }),
        ),
      },
      Closed,
    ),
  ),
)

export const Claims = Type.Array(Claim, {
  maxItems: 1000,
  description: `Claims that its tokens get, at most ${MAX_CUSTOM_CLAIMS}. Those of an account win over those of its realm`,
})

export const MetadataPairs = Type.Unsafe<Metadata>({
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 1000 },
  maxProperties: 1000,
  description: `Pairs of text, at most ${MAX_METADATA}, that claims can take their value from`,
})
