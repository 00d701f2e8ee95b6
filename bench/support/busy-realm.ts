import type pg from 'pg'
import type { OpenedOperations } from '../../src/operations/open.ts'
import { magnitudeOf } from '../../src/storage/token-counts.ts'
import { ACTOR } from './mintmark.ts'
import { fillTrail } from './trail.ts'

export interface RealmSize {
  readonly accounts: number
  readonly devices: number
  readonly events: number
}

/** Number of grants of the two accounts whose permissions the bench shows, and of holders of a role on the first device and group. */
const GRANTS = { some: 500, many: 5000 }

/** The accounts whose pages the bench shows. */
export const SOME_GRANTS = 'sa_0000001'
export const MANY_GRANTS = 'sa_0000002'

/**
 * A realm with accounts, devices in a group, grants, counts of tokens and a trail, as the server would have written them. Twenty
 * accounts are disabled, ended, unused and so on, however many there are: what is rare is what is slow to find.
 */
export async function fillRealm(
  { operations }: OpenedOperations,
  client: pg.Client,
  name: string,
  size: RealmSize,
): Promise<void> {
  await operations.realms.create(ACTOR, name, { serviceAccountLimit: 1_000_000, roles: ['rare', 'common'] })
  const { rows } = await client.query<{ id: string }>('select id from realms where name = $1', [name])
  const id = rows[0]?.id
  await client.query('set session_replication_role = replica; set synchronous_commit = off')
  for (const [text, number] of [
    [ACCOUNTS, size.accounts],
    [STATUS_INDEXES, size.accounts],
    [SECRETS, size.accounts],
    [USES, size.accounts],
    [ENDS, size.accounts],
    [ACCOUNT_COUNTS, size.accounts],
    [DEVICES, size.devices],
    [MEMBERS, size.devices],
    [grantsOf(SOME_GRANTS), Math.min(GRANTS.some, size.devices)],
    [grantsOf(MANY_GRANTS), Math.min(GRANTS.many, size.devices)],
    [HOLDERS, Math.min(GRANTS.many, size.accounts)],
    [HOURS, 168],
    [REFUSALS, 90],
  ] as const)
    await client.query(text, [id, number])
  await client.query(GROUP, [id])
  await client.query('update realms set service_account_count = $2 where id = $1', [id, size.accounts])
  await fillTrail(client, name, size.events)
  await client.query('set session_replication_role = origin')
}

const accountId = "'sa_' || lpad(n::text, 7, '0')"
/** Twenty of the accounts, however many there are. */
const isOfTwenty = (which: number) => `n % greatest($2::int / 20, 5) = ${which}`
const each = 'from generate_series(1, $2::int) n'

const ACCOUNTS = `insert into service_accounts (realm_id, client_id, name, name_key, description, roles, auth_methods, metadata,
    status_index, created_at, updated_at, disabled_at, expires_at)
  select $1::bigint, ${accountId}, 'Deployer ' || n, 'deployer ' || n, 'Rolls out service ' || n % 1000 || ' of the shop',
    case when ${isOfTwenty(0)} then '{rare,common}'::text[] else '{common}' end, '{client_secret}',
    json_build_object('owner', 'team-' || n % 40, 'tags', 'eu, prod')::text,
    n, now() - interval '1 year', now() - interval '1 year', case when ${isOfTwenty(1)} then now() end,
    case when ${isOfTwenty(2)} then now() - interval '1 day' when n % 10 = 0 then now() + interval '1 year' end
  ${each}`
const STATUS_INDEXES = `insert into status_indexes (realm_id, status_index) select $1::bigint, n ${each}`
const SECRETS = `insert into client_secrets (realm_id, client_id, id, phc, last_four, created_at, expires_at)
  select $1::bigint, ${accountId}, 'one', '', '1234', now(), case when ${isOfTwenty(4)} then now() + interval '1 day' end ${each}`
const USES = `insert into last_uses (realm_id, client_id, secret_id, used_at, address, scope, used_month)
  select $1::bigint, ${accountId}, 'one', at, '203.0.113.7', '', date_trunc('month', at at time zone 'UTC')
  ${each}, lateral (select now() - interval '1 hour' * (case when ${isOfTwenty(3)} then 5000 else n % 900 end) as at) used`
const ENDS = `insert into account_ends select realm_id, client_id, expires_at from service_accounts
  where realm_id = $1 and expires_at is not null and status_index <= $2`
const ACCOUNT_COUNTS = `insert into token_counts
  select $1::bigint, ${accountId}, 'day', date_trunc('day', now() at time zone 'UTC') at time zone 'UTC', issued, 0,
    ${magnitudeOf('issued')}
  ${each}, lateral (select 1 + n * 7919 % 1000 as issued) made`
const HOURS = `insert into token_counts
  select $1::bigint, '', period, date_trunc(period, now() at time zone 'UTC') at time zone 'UTC' - n * ('1 ' || period)::interval, 1000, 3
  ${each}, unnest(array['hour', 'day']) period where period = 'hour' or n <= 90`
const REFUSALS = `insert into refusal_counts
  select $1::bigint, '', date_trunc('day', now()) - n * interval '1 day', reason, n
  ${each}, unnest(array['wrong secret', 'unknown client', 'disabled', 'scope']) reason`
const DEVICES = `insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
  select $1::bigint, 'device', 'd' || n, 'Press ' || n, 'press ' || n || E'\\nd' || n, now(), now() ${each}`
const GROUP = `insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
  values ($1::bigint, 'device_group', 'all', 'All', E'all\\nall', now(), now())`
const MEMBERS = `insert into protected_resource_groups (realm_id, type, id, group_type, group_id)
  select $1::bigint, 'device', 'd' || n, 'device_group', 'all' ${each}`
const grantsOf = (account: string) => `insert into grants (realm_id, client_id, type, id, role, created_at)
  select $1::bigint, '${account}', 'device', 'd' || n, 'view', now() ${each}`
const HOLDERS = `insert into grants (realm_id, client_id, type, id, role, created_at)
  select $1::bigint, ${accountId}, type, id, 'operate', now()
  ${each}, (values ('device', 'd1'), ('device_group', 'all')) place(type, id)`
