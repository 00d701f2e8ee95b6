import { MAX_QUOTA, QUOTA_MODES } from '../../domain/quota.ts'
import { Type } from '../../wire/json-schema.ts'
import type { WireQuota } from '../../wire/quota.ts'

const Limit = (description: string) => ({
  type: ['integer', 'null'],
  minimum: 1,
  maximum: MAX_QUOTA,
  description,
})

export function quotaOf(description: string) {
  return Type.Unsafe<WireQuota | null>({
    type: ['object', 'null'],
    additionalProperties: false,
    properties: {
      tokens_per_hour: Limit('In an hour of UTC; null: any number'),
      tokens_per_day: Limit('In a day of UTC; null: any number'),
      mode: {
        type: 'string',
        enum: [...QUOTA_MODES],
        description:
          'enforce: 429 beyond it, a few seconds late at most. monitor: counted and logged alone. off: not looked at. Default: enforce',
      },
    },
    description: `${description}; null: any number`,
  })
}
