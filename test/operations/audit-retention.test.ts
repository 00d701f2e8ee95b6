import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { Actor } from '../../src/domain/actor.ts'
import { TESTER, testServer } from '../support/server.ts'

const DAY = 86_400

const ADMIN: Actor = {
  kind: 'portal',
  id: 'ann',
  address: '192.0.2.1',
  authority: { platform: false, realm: 'acme', access: 'administer' },
}

async function serverWith(t: Test, realms: Readonly<Record<string, number | null>>) {
  const server = await testServer(t)
  const { operations, clock, databaseUrl } = server
  for (const [name, auditRetentionDays] of Object.entries(realms))
    await operations.realms.create(TESTER, name, { auditRetentionDays })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  /** Adds one event of each realm, of each of so many days up to now. */
  const fill = (days: number) =>
    client.query(
      `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, outcome, details)
       select r.id, r.name, $1::timestamptz - n * interval '1 day', 'cli', 'x', 'filler', 'done', '{}'
       from realms r, generate_series(1, $2::int) n where r.name <> 'system'`,
      [clock.now, days],
    )
  /** Days since the oldest event of a realm. */
  const ageOf = async (realm: string) => {
    const { rows } = await client.query<{ oldest: Date | null }>(
      "select min(occurred_at) as oldest from audit_events where realm = $1 and action = 'filler'",
      [realm],
    )
    const { oldest } = rows[0] as { oldest: Date | null }
    return oldest && (clock.now.getTime() - oldest.getTime()) / 1000 / DAY
  }
  const monthsOf = async () =>
    (
      await client.query<{ name: string }>(
        'select name from audit_events_partitions() where lower_bound is not null',
      )
    ).rows.map(({ name }) => name)
  return { ...server, client, fill, ageOf, monthsOf }
}

t.test('each realm keeps its events for as long as it says, and the others as the platform', async (t) => {
  const { operations, fill, ageOf, client } = await serverWith(t, { short: 30, long: 400, usual: null })
  await fill(500)
  await operations.expiry.deleteExpired()
  t.same([await ageOf('short'), await ageOf('long'), await ageOf('usual')], [30, 400, 500])
  await operations.policy.update(TESTER, { auditRetentionDays: 90 })
  await Promise.all([1, 2, 3].map(() => operations.expiry.deleteExpired()))
  t.same([await ageOf('short'), await ageOf('long'), await ageOf('usual')], [30, 400, 90])
  await operations.realms.delete(TESTER, 'long')
  await operations.expiry.deleteExpired()
  t.equal(await ageOf('long'), 400, 'the trail of a deleted realm has the age that it had said')
  await operations.realms.update(TESTER, 'short', { auditRetentionDays: null })
  await fill(80)
  t.equal(await operations.audit.prune(TESTER), 0)
  t.equal(await ageOf('short'), 80)
  const { rows } = await client.query('select count(*)::int as n from audit_events where realm is null')
  t.ok(rows[0].n > 0, 'the trail of the platform is there')
})

t.test('a month that several nodes drop at the same time is no fault', async (t) => {
  const { operations, fill, ageOf } = await serverWith(t, { one: 60 })
  await operations.policy.update(TESTER, { auditRetentionDays: 60 })
  await fill(300)
  await operations.audit.keepPartitions()
  await Promise.all([1, 2, 3].map(() => operations.audit.prune(TESTER)))
  t.equal(await ageOf('one'), 60)
})

t.test('a month that another node drops while this one waits for it is passed over', async (t) => {
  const { operations, client, fill, ageOf, monthsOf, databaseUrl } = await serverWith(t, { one: 60 })
  await operations.policy.update(TESTER, { auditRetentionDays: 60 })
  await fill(300)
  await operations.audit.keepPartitions()
  const [oldest] = (await monthsOf()).sort() as [string]
  const other = new pg.Client(databaseUrl)
  await other.connect()
  t.teardown(() => other.end())
  await other.query('begin')
  await other.query(`lock table ${oldest} in access exclusive mode`)
  const pruned = operations.audit.prune(TESTER)
  const isWaiting = async () => {
    const { rows } = await client.query(
      'select from pg_locks where not granted and relation = to_regclass($1)',
      [oldest],
    )
    return rows.length > 0
  }
  while (!(await isWaiting())) await sleep(10)
  await other.query(`drop table ${oldest}`)
  await other.query('commit')
  await pruned
  t.equal(await ageOf('one'), 60, 'the other months are cleared')
})

t.test('a table of an operator’s trigger that is missing is a fault', async (t) => {
  const { operations, client, fill, ageOf } = await serverWith(t, { one: 60 })
  await fill(61)
  await client.query(`
    create function archive_event() returns trigger language plpgsql as $$
    begin insert into no_such_archive select old.*; return old; end $$;
    create trigger archive before delete on audit_events for each row execute function archive_event()`)
  await t.rejects(operations.audit.prune(TESTER), { code: '42P01' })
  t.equal(await ageOf('one'), 61)
})

t.test('a month of which no realm keeps an event is dropped whole', async (t) => {
  const { operations, fill, ageOf, monthsOf } = await serverWith(t, { one: 60, other: 200 })
  await operations.policy.update(TESTER, { auditRetentionDays: 60 })
  await fill(300)
  await operations.audit.keepPartitions()
  const before = await monthsOf()
  const pruned = await operations.audit.prune(TESTER)
  const after = await monthsOf()
  t.equal(pruned, 240 + 100, 'events of dropped months count')
  t.ok(before.length - after.length >= 2, `${before.length - after.length} are gone`)
  t.same(
    [await ageOf('one'), await ageOf('other')].map((age) => Math.floor(age as number)),
    [60, 200],
  )
  t.equal(await operations.audit.prune(TESTER), 0)
})

t.test(
  'an administrator of a realm keeps its trail no shorter than the platform, unless that allows it',
  async (t) => {
    const { operations } = await serverWith(t, { acme: null })
    const set = (auditRetentionDays: number | null) =>
      operations.realms.update(ADMIN, 'acme', { auditRetentionDays })
    const refused = { code: 'invalid', field: 'audit_retention_days' }
    await t.rejects(set(36_500), refused, 'the platform keeps it for ever')
    await operations.policy.update(TESTER, { auditRetentionDays: 365 })
    await t.rejects(set(364), refused)
    t.equal((await set(365)).auditRetentionDays, 365)
    t.equal((await set(null)).auditRetentionDays, null)
    await operations.policy.update(TESTER, { minAuditRetentionDays: 30, maxAuditRetentionDays: 400 })
    t.equal((await set(30)).auditRetentionDays, 30)
    await t.rejects(set(401), refused)
    await operations.policy.update(TESTER, { minAuditRetentionDays: 60 })
    t.same(await operations.policy.listRealmsBeyond(TESTER), ['acme'])
    for (const days of [0, 29, 36_501, 40.5])
      await t.rejects(operations.realms.update(TESTER, 'acme', { auditRetentionDays: days }), refused)
    await t.rejects(operations.policy.update(TESTER, { minAuditRetentionDays: 500 }), {
      code: 'invalid',
      field: 'min_audit_retention_days',
    })
  },
)

t.test('pages go on across months and into what no month holds, whatever the filter', async (t) => {
  const { operations, clock, client, fill } = await serverWith(t, { acme: null })
  await fill(700)
  await operations.audit.keepPartitions()
  await client.query(
    "update audit_events set actor_id = 'y', target = 'z' where action = 'filler' and id % 7 = 0",
  )
  const idsOf = async (filter: object) => {
    const ids: string[] = []
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await operations.audit.list(TESTER, 'acme', { ...filter, after, limit: 23 })
      ids.push(...page.items.map(({ id }) => id))
      after = page.next
    }
    return ids
  }
  for (const [filter, where] of [
    [{}, 'true'],
    [{ action: 'filler' }, "action = 'filler'"],
    [{ actor: 'y' }, "actor_id = 'y'"],
    [{ target: 'z' }, "target = 'z'"],
    [{ actor: 'x', action: 'filler' }, "actor_id = 'x' and action = 'filler'"],
    [{ actor: 'x', target: 'z' }, 'false'],
    [{ actorContains: 'Y' }, "actor_id = 'y'"],
    [{ outcome: 'refused' }, 'false'],
    [
      { from: new Date(clock.now.getTime() - 300 * DAY * 1000) },
      "occurred_at >= $1::timestamptz - interval '300 days'",
    ],
    [
      { to: new Date(clock.now.getTime() - 300 * DAY * 1000) },
      "occurred_at < $1::timestamptz - interval '300 days'",
    ],
  ] as const) {
    const { rows } = await client.query(
      `select id from audit_events where realm = 'acme' and ($1::timestamptz is not null) and ${where} order by occurred_at desc, id desc`,
      [clock.now],
    )
    t.same(
      await idsOf(filter),
      rows.map(({ id }) => id),
      JSON.stringify(filter),
    )
  }
})
