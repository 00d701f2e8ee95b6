import type { ColumnType, Generated } from 'kysely'
import type { NullableTimestamp, Timestamp } from './timestamps.ts'

export interface WebhookTables {
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  webhook_occurrences: WebhookOccurrenceRow
}

export interface WebhookRow {
  realm_id: string
  id: string
  url: string
  description: Generated<string>
  events: string[]
  enabled: Generated<boolean>
  paused_reason: ColumnType<string | null, string | null | undefined, string | null>
  failing_since: NullableTimestamp
  due_at: NullableTimestamp
  leased_until: ColumnType<Date, Date | undefined, Date>
  looked_at: ColumnType<Date, Date | undefined, Date>
  version: Generated<number>
  created_at: Timestamp
  updated_at: Timestamp
}

export interface WebhookDeliveryRow {
  realm_id: string
  webhook_id: string
  id: string
  type: string
  body: string
  created_at: Timestamp
  attempts: Generated<number>
  attempted_at: NullableTimestamp
  answered: ColumnType<number | null, number | null | undefined, number | null>
  fault: ColumnType<string | null, string | null | undefined, string | null>
  due_at: NullableTimestamp
  delivered_at: NullableTimestamp
}

export interface WebhookOccurrenceRow {
  realm_id: string
  webhook_id: string
  type: string
  occurrence: string
  noted_at: Timestamp
}
