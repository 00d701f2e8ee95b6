import { type RawBuilder, sql } from 'kysely'
import { BURST } from '../domain/webhook.ts'

/** The web hook that is to be told, and when. */
export interface Looking {
  readonly realmId: string
  readonly webhookId: string
  readonly now: Date
}

/** A query for `occurrence` and `data` of the conditions that hold now, whether or not a web hook was sent. */
export type Condition = (looking: Looking) => RawBuilder<unknown>

const hourOf = (now: Date) => new Date(now.getTime() - (now.getTime() % 3_600_000))
const dayOf = (now: Date) => new Date(now.getTime() - (now.getTime() % 86_400_000))

/** Looks at this hour and the last one, whose last counts may have been written after its end. */
const refusalsBurst: Condition = ({ realmId, now }) => sql`
  select h.starts_at::text as occurrence, jsonb_build_object('hour', h.starts_at, 'refused', h.refused,
    'issued', h.issued, 'usual', round(usual.refused), 'accounts', accounts.busiest) as data
  from token_counts h
  cross join lateral (
    select coalesce(sum(p.refused), 0) / 24 as refused from token_counts p
    where p.realm_id = h.realm_id and p.client_id = '' and p.period = 'hour'
      and p.starts_at >= h.starts_at - interval '24 hours' and p.starts_at < h.starts_at
  ) usual
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('client_id', client_id, 'refused', refused)), '[]') as busiest from (
      select client_id, refused from token_counts c
      where c.period = 'hour' and c.starts_at = h.starts_at and c.realm_id = h.realm_id and c.client_id <> ''
        and c.refused > 0
      order by refused desc, client_id limit 5
    ) c
  ) accounts
  where h.realm_id = ${realmId} and h.client_id = '' and h.period = 'hour'
    and h.starts_at >= ${hourOf(now)}::timestamptz - interval '1 hour'
    and h.refused >= ${BURST.atLeast} and h.refused >= ${BURST.times} * usual.refused`

/** Reported once a day while the limit is reached. */
const accountLimit = ({ realmId, now }: Looking) => sql`
  select 'service_accounts ' || r.service_account_limit || ' ' || ${dayOf(now).toISOString()} as occurrence,
    jsonb_build_object('limit', 'service_accounts', 'maximum', r.service_account_limit,
      'used', r.service_account_count) as data
  from realms r where r.id = ${realmId} and r.service_account_count >= r.service_account_limit`

/** Quotas of the realm and of its accounts, by hour and by day. */
const quotas = ({ realmId, now }: Looking) => sql`
  select q.client_id || ' ' || c.period || ' ' || c.starts_at as occurrence,
    jsonb_strip_nulls(jsonb_build_object('limit', 'tokens_per_' || c.period, 'maximum', p.maximum, 'used', c.issued,
      'mode', q.quota ->> 'mode', 'client_id', nullif(q.client_id, ''), 'name', q.name)) as data
  from (
    select '' as client_id, null as name, r.quota::jsonb as quota from realms r where r.id = ${realmId} and quota is not null
    union all
    select a.client_id, a.name, a.quota::jsonb from service_accounts a where a.realm_id = ${realmId} and quota is not null
  ) q
  cross join lateral (values
    ('hour', (q.quota ->> 'tokensPerHour')::bigint, ${hourOf(now)}::timestamptz),
    ('day', (q.quota ->> 'tokensPerDay')::bigint, ${dayOf(now)}::timestamptz)
  ) p(period, maximum, starts_at)
  join token_counts c on c.realm_id = ${realmId} and c.client_id = q.client_id and c.period = p.period
    and c.starts_at = p.starts_at
  where q.quota ->> 'mode' <> 'off' and c.issued >= p.maximum`

const limitReached: Condition = (looking) => sql`${accountLimit(looking)} union all ${quotas(looking)}`

export const COUNT_CONDITIONS = { 'refusals.burst': refusalsBurst, 'limit.reached': limitReached } as const
