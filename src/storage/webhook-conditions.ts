import { type RawBuilder, sql } from 'kysely'
import type { WebhookEvent, WebhookOccurrence } from '../domain/webhook.ts'
import { TOO_OLD_AT } from './client-records.ts'
import type { Database } from './database.ts'
import { COUNT_CONDITIONS, type Condition, type Looking } from './webhook-count-conditions.ts'

/** The account may get tokens, by this method. */
function usesMethod(method: string, now: Date): RawBuilder<unknown> {
  return sql`a.disabled_at is null and (a.expires_at is null or a.expires_at > ${now})
    and ${method} = any (a.auth_methods)`
}

const epoch = (time: string) => sql`floor(extract(epoch from ${sql.raw(time)}))::bigint`

const OF_ACCOUNT = sql`'client_id', a.client_id, 'name', a.name`

/** A day before the old secret ends, or when a quarter of a shorter overlap is left. */
const rotationEnding: Condition = ({ realmId, now }) => sql`
  select s.id || ' ' || ${epoch('s.expires_at')} as occurrence, jsonb_build_object(${OF_ACCOUNT},
    'secret_id', s.id, 'last_four', s.last_four, 'ends_at', s.expires_at, 'new_secret_id', n.id,
    'old_secret_last_used_at', u.used_at) as data
  from client_secrets s
  join service_accounts a on a.realm_id = s.realm_id and a.client_id = s.client_id
  cross join lateral (
    select id, created_at from client_secrets n where n.realm_id = s.realm_id and n.client_id = s.client_id
      and n.id <> s.id and n.expires_at is null order by created_at desc limit 1
  ) n
  left join last_uses u on u.realm_id = s.realm_id and u.client_id = s.client_id and u.secret_id = s.id
  where s.realm_id = ${realmId} and s.expires_at > ${now} and ${usesMethod('client_secret', now)}
    and s.expires_at - ${now} <= least(interval '24 hours', (s.expires_at - n.created_at) / 4)`

const secretTooOld: Condition = ({ realmId, now }) => sql`
  select s.id as occurrence, jsonb_build_object(${OF_ACCOUNT}, 'secret_id', s.id, 'last_four', s.last_four,
    'created_at', s.created_at, 'too_old_at', ${sql.raw(TOO_OLD_AT)}) as data
  from client_secrets s
  join realms r on r.id = s.realm_id
  join service_accounts a on a.realm_id = s.realm_id and a.client_id = s.client_id
  where s.realm_id = ${realmId} and ${usesMethod('client_secret', now)}
    and (s.expires_at is null or s.expires_at > ${now}) and ${sql.raw(TOO_OLD_AT)} <= ${now}`

/** One that was ended by hand was told of as revoked, to those that want to know. */
const keyExpired: Condition = ({ realmId, webhookId, now }) => sql`
  select o.occurrence, jsonb_build_object(${OF_ACCOUNT}, 'kid', k.kid, 'ended_at', k.expires_at) as data
  from client_keys k
  join service_accounts a on a.realm_id = k.realm_id and a.client_id = k.client_id
  cross join lateral (select k.thumbprint || ' ' || ${epoch('k.expires_at')} as occurrence) o
  where k.realm_id = ${realmId} and k.expires_at <= ${now} and ${usesMethod('private_key_jwt', now)}
    and not exists (select from webhook_occurrences w where w.realm_id = k.realm_id and w.webhook_id = ${webhookId}
      and w.type = 'client_key.revoked' and w.occurrence = o.occurrence)`

const signingKeyOverdue: Condition = ({ realmId, now }) => sql`
  select k.kid as occurrence, jsonb_build_object('kid', k.kid, 'signs_since', k.activated_at,
    'key_rotation_seconds', r.key_rotation_seconds) as data
  from signing_keys k join realms r on r.id = k.realm_id
  where k.realm_id = ${realmId} and k.state = 'current'
    and k.activated_at + (r.key_rotation_seconds + 86400) * interval '1 second' <= ${now}`

const CONDITIONS: Partial<Record<WebhookEvent, Condition>> = {
  'secret.rotation_ending': rotationEnding,
  'secret.too_old': secretTooOld,
  'client_key.expired': keyExpired,
  'signing_key.overdue': signingKeyOverdue,
  ...COUNT_CONDITIONS,
}

/** Conditions that hold in the realm and were not sent to the web hook yet. */
export async function findUntold(
  db: Database,
  looking: Looking,
  type: WebhookEvent,
  limit: number,
): Promise<WebhookOccurrence[]> {
  const condition = CONDITIONS[type]
  if (!condition) return []
  const { rows } = await sql<{ occurrence: string; data: Record<string, unknown> }>`
    select c.occurrence, c.data from (${condition(looking)}) c
    where not exists (
      select from webhook_occurrences w where w.realm_id = ${looking.realmId} and w.webhook_id = ${looking.webhookId}
        and w.type = ${type} and w.occurrence = c.occurrence
    )
    limit ${limit}
  `.execute(db)
  return rows.map(({ occurrence, data }) => ({ type, occurrence, data }))
}
