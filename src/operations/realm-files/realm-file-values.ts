import { CLAIM_FORMS, CLAIM_SOURCES } from '../../domain/custom-claim.ts'
import { QUOTA_MODES } from '../../domain/quota.ts'
import { WEBHOOK_EVENT_NAMES } from '../../domain/webhook.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import type { WireQuota } from '../../wire/quota.ts'

const text = (description: string) => Type.String({ description })

export const Claim = Type.Object(
  {
    claim: Type.String({ description: 'Its path: names after dots; \\. is a dot within a name' }),
    value: Type.Optional(Type.Unknown({ description: 'Any JSON; or else from' })),
    from: Type.Optional(text(`${CLAIM_SOURCES.join(', ')}, or metadata.<key>`)),
    prefix: Type.Optional(text('Text before the value')),
    as: Type.Optional(Type.Enum([...CLAIM_FORMS], { description: 'What the value becomes' })),
    audiences: Type.Optional(Type.Array(Type.String(), { description: 'Only in tokens for one of these' })),
  },
  { additionalProperties: false },
)

/** Shape of a quota. */
export const quota = (description: string) =>
  Type.Unsafe<WireQuota | null>({
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {
      tokens_per_hour: { type: ['integer', 'null'], description: 'In an hour of UTC' },
      tokens_per_day: { type: ['integer', 'null'], description: 'In a day of UTC' },
      mode: { enum: [...QUOTA_MODES], description: 'Default: enforce' },
    },
    description: `${description}; null: any number`,
  })

export const RealmFileWebhook = Type.Object(
  {
    url: text('https address that receives the events; finds the web hook'),
    description: Type.Optional(text('In your words')),
    events: Type.Optional(
      Type.Array(Type.Enum([...WEBHOOK_EVENT_NAMES]), {
        description: 'What it is told of. Default of a new one: everything',
      }),
    ),
    enabled: Type.Optional(Type.Boolean({ description: 'false: paused. Default of a new one: true' })),
  },
  { additionalProperties: false },
)

export type RealmFileWebhook = Static<typeof RealmFileWebhook>
