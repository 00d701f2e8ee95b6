import type pg from 'pg'

const DAY_MILLISECONDS = 86_400_000

/** A trail covers the last two years. */
export const TRAIL_DAYS = 730
export const daysAgo = (days: number, now = Date.now()) => new Date(now - days * DAY_MILLISECONDS)

/** Creates the partitions of those two years. Past months get their indexes from `packMonths`. */
export async function makeMonths(client: pg.Client): Promise<void> {
  await client.query(
    `select audit_events_add_month(m) from generate_series(date_trunc('month', $1::timestamptz at time zone 'UTC'),
       date_trunc('month', now() at time zone 'UTC') - interval '1 month', interval '1 month') m`,
    [daysAgo(TRAIL_DAYS)],
  )
  for (const table of await closedMonths(client)) {
    const { rows } = await client.query<{ name: string }>(
      'select indexname as name from pg_indexes where tablename = $1',
      [table],
    )
    for (const { name } of rows) await client.query(`drop index ${name}`)
  }
}

/** Builds the indexes of past months, as the upkeep does. The indexes of the present month grow row by row. */
export async function packMonths(client: pg.Client): Promise<void> {
  for (const name of await closedMonths(client)) await client.query('select audit_events_pack($1)', [name])
}

/**
 * A thousand lines are key rotations, and everybody and everything has a hundred lines, however many there are. Half are of
 * one actor; the rest has twenty actions.
 */
export async function fillTrail(client: pg.Client, realm: string, lines: number): Promise<void> {
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, address, details)
     select r.id, r.name, $1::timestamptz + n * interval '1 millisecond' * ($2 / $3::float8), 'api',
       case n % 2 when 0 then 'the pipeline' else 'actor ' || n % greatest($3 / 100, 1) end,
       case when n % greatest($3 / 1000, 1) = 0 then 'key.rotate' when n % 2 = 0 then 'service-account.update' else (array[
         'grant.add', 'grant.remove', 'role.add', 'role.remove', 'resource.create', 'resource.update', 'resource.delete',
         'service-account.create', 'service-account.delete', 'service-account.reset-secret', 'realm.update', 'portal.link',
         'portal.sign-in', 'portal.sign-out', 'token.revoke', 'service-account.import', 'workload-identity.add',
         'service-account.enable'])[1 + n / 2 % 18] end,
       'target ' || n % greatest($3 / 100, 1), 'done', '203.0.113.' || n % 250, '{"name": "CI deployer"}'
     from generate_series(1, $3::int) n, realms r where r.name = $4`,
    [daysAgo(TRAIL_DAYS), TRAIL_DAYS * DAY_MILLISECONDS, lines, realm],
  )
}

async function closedMonths(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'select name from audit_events_partitions() where lower_bound is not null and upper_bound < now()',
  )
  return rows.map(({ name }) => name)
}
