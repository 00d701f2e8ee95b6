import { MAX_AUDIENCE_LENGTH } from '../../domain/audience.ts'
import type { CustomClaim, Metadata } from '../../domain/custom-claim.ts'
import { CLAIM_FORMS, CLAIM_SOURCES } from '../../domain/custom-claim.ts'
import {
  CLAIM_SOURCE_PATTERN,
  MAX_CLAIM_AUDIENCES,
  MAX_CLAIM_NAME,
  MAX_CLAIM_PREFIX,
  MAX_CLAIM_VALUE_BYTES,
  MAX_CUSTOM_CLAIMS,
  MAX_METADATA,
  MAX_METADATA_VALUE,
  METADATA_KEY_PATTERN,
} from '../../domain/custom-claim-check.ts'
import { Type } from '../../wire/json-schema.ts'
import { Closed, named } from './schemas.ts'

/** The domain checks it with better messages; this says what there is. */
const Claim = named(
  'CustomClaim',
  Type.Unsafe<CustomClaim>(
    Type.Object(
      {
        claim: Type.String({
          minLength: 1,
          maxLength: MAX_CLAIM_NAME,
          description: 'Its path: names after dots; \\. is a dot within a name',
        }),
        value: Type.Optional(
          Type.Unknown({ description: `Any JSON of at most ${MAX_CLAIM_VALUE_BYTES} bytes; or else from` }),
        ),
        from: Type.Optional(
          Type.String({
            pattern: CLAIM_SOURCE_PATTERN,
            description: `Where the value comes from: ${CLAIM_SOURCES.join(', ')}, or metadata.<key>`,
          }),
        ),
        prefix: Type.Optional(
          Type.String({ maxLength: MAX_CLAIM_PREFIX, description: 'Text before the value' }),
        ),
        as: Type.Optional(
          Type.Enum([...CLAIM_FORMS], {
            description: 'What the value becomes. Default: string[] for roles, else string',
          }),
        ),
        audiences: Type.Optional(
          Type.Array(Type.String({ maxLength: MAX_AUDIENCE_LENGTH }), {
            minItems: 1,
            maxItems: MAX_CLAIM_AUDIENCES,
            description: 'Only in tokens for one of these. Default: in all',
          }),
        ),
      },
      Closed,
    ),
  ),
)

export const Claims = Type.Array(Claim, {
  maxItems: MAX_CUSTOM_CLAIMS,
  description: `Claims that its tokens get, at most ${MAX_CUSTOM_CLAIMS}. Those of an account win over those of its realm`,
})

export const MetadataPairs = Type.Unsafe<Metadata>({
  type: 'object',
  propertyNames: { pattern: METADATA_KEY_PATTERN },
  additionalProperties: { type: 'string', maxLength: MAX_METADATA_VALUE },
  maxProperties: MAX_METADATA,
  description: `Pairs of text, at most ${MAX_METADATA}, that claims can take their value from`,
})
