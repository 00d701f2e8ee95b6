import pg from 'pg'
import t from 'tap'
import type { AuditEventQuery } from '../../src/operations/upkeep/audit-events.ts'
import { testDatabase } from '../support/postgres.ts'
import { explain, recordStatements, type Statement } from '../support/query-plans.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

const LINES = 24_000
const DAY_MILLISECONDS = 86_400_000

// Up to now over four months, five lines in each moment; half of them of one actor, whose actions are his alone.
const connectionString = await testDatabase(t)
const client = new pg.Client(connectionString)
await client.connect()
t.teardown(() => client.end())
// On the first days of a month, its partition is so small that PostgreSQL scans it.
const { operations, clock } = await testServer(t, {
  databaseUrl: connectionString,
  clock: testClock(new Date('2026-11-20T12:00:00Z')),
})
await operations.realms.create(TESTER, 'acme')
await client.query(
  `select audit_events_add_month(m) from generate_series(date_trunc('month', $1::timestamptz at time zone 'UTC') - interval '5 months',
     date_trunc('month', $1::timestamptz at time zone 'UTC') + interval '1 month', interval '1 month') m
   where not exists (select from audit_events_partitions() where lower_bound = m at time zone 'UTC')`,
  [clock.now],
)
await client.query(
  `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
   select id, name, $1::timestamptz - (n / 5) * interval '36 minutes', 'api', case n % 2 when 0 then 'pipeline' else 'actor ' || n % 50 end,
     case n % 2 when 0 then 'service-account.update' else 'filler-' || n % 20 end, 'target ' || n % 90,
     case when n % 1000 = 3 then 'refused' else 'done' end, '{}'
   from generate_series(1, ${LINES}) n, realms where name = 'acme'`,
  [clock.now],
)
await client.query('vacuum analyze audit_events')

type Query = Omit<AuditEventQuery, 'limit' | 'after'>

const SEARCHES: readonly [Query, string][] = [
  [{ actor: 'pipeline', action: 'filler-3' }, 'false'],
  [{ actor: 'pipeline', target: 'target 6' }, "actor_id = 'pipeline' and target = 'target 6'"],
  [{ actor: 'actor 3', action: 'filler-13' }, "actor_id = 'actor 3' and action = 'filler-13'"],
  [{ action: 'filler-3', outcome: 'refused' }, "action = 'filler-3' and outcome = 'refused'"],
  [{ outcome: 'refused' }, "outcome = 'refused'"],
  [{ targetContains: 'GET 77' }, "target = 'target 77'"],
]

for (const [query, condition] of SEARCHES)
  t.test(`a search by ${JSON.stringify(query)} has each line once and in order, page by page`, async (t) => {
    const { rows } = await client.query(
      `select id from audit_events where actor_kind = 'api' and ${condition} order by occurred_at desc, id desc`,
    )
    const found: string[] = []
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await operations.audit.list(TESTER, 'acme', { ...query, after, limit: 7 })
      t.ok(page.items.length <= 7)
      found.push(...page.items.filter(({ actor }) => actor.kind === 'api').map(({ id }) => id))
      after = page.next
    }
    t.equal(found.join(), rows.map(({ id }) => id).join())
  })

const ago = (days: number) => new Date(clock.now.getTime() - days * DAY_MILLISECONDS)

/** Pages of 8 KiB for fifty lines: each may be in one of its own, beside a look at each action in each month. */
const PAGES: readonly [string, Omit<AuditEventQuery, 'limit'>][] = [
  ['newest', {}],
  ['by time', { from: ago(70), to: ago(50) }],
  ['deep', { after: `${ago(100).getTime()}.1` }],
  ['by action', { action: 'service-account.update' }],
  ['by actor', { actor: 'pipeline' }],
  ['by object', { target: 'target 7' }],
]

for (const [name, query] of PAGES)
  t.test(`the page ${name} of a trail is read by index, whatever else is in the trail`, async (t) => {
    const statements = await recordStatements(async () => {
      t.equal((await operations.audit.list(TESTER, 'acme', { ...query, limit: 50 })).items.length, 50)
    })
    const { pages, plans } = await explainAll(statements)
    // An empty month is read at once.
    const scanned = plans.match(/"Node Type":"Seq Scan"[^}]*?"Shared Hit Blocks":[1-9]/)
    t.notOk(scanned?.[0])
    t.ok(pages <= 1500, `${pages} pages`)
  })

t.test('two filters without a common line read each line once, by index', async (t) => {
  const asked = { actor: 'pipeline', action: 'filler-3', limit: 50 }
  const statements = await recordStatements(async () => {
    t.same((await operations.audit.list(TESTER, 'acme', asked)).items, [])
  })
  const searches = statements.filter(({ text }) => /from audit_events e/.test(text))
  t.ok(searches.length > 0)
  t.ok(searches.every(({ text }) => text.includes('is_hit')))
  t.match((await explainAll(searches)).plans, /_actor_idx/)
})

const BUSY: readonly [string, Omit<AuditEventQuery, 'limit'>][] = [
  ['newest', {}],
  ['by time', { from: ago(45), to: ago(35) }],
  ['deep', { after: `${ago(40).getTime()}.1` }],
]

t.test('a page of a busy realm', async (t) => {
  const { id } = await operations.realms.create(TESTER, 'busy')
  // One event a minute, so that a page is a small part of a month, and one action, so that few looks find the page.
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
     select $1, 'busy', $2::timestamptz - n * interval '1 minute', 'api', 'pipeline', 'service-account.update', 'x', 'done', '{}'
     from generate_series(1, 80000) n`,
    [id, clock.now],
  )
  await client.query('vacuum analyze audit_events')
  for (const [name, query] of BUSY)
    t.test(`${name} reads its own events rather than all of its months`, async (t) => {
      const statements = await recordStatements(async () => {
        t.equal((await operations.audit.list(TESTER, 'busy', { ...query, limit: 50 })).items.length, 50)
      })
      const { pages } = await explainAll(statements.filter(({ text }) => /from audit_events e/.test(text)))
      t.ok(pages <= 150, `${pages} pages`)
    })
})

t.test(
  'pages without a filter, between two times of two months, have each event once and in order',
  async (t) => {
    const month = new Date(Date.UTC(clock.now.getUTCFullYear(), clock.now.getUTCMonth() - 1))
    const [from, to] = [-1, 1].map((days) => new Date(month.getTime() + days * DAY_MILLISECONDS))
    const { rows } = await client.query(
      `select id from audit_events where realm = 'acme' and occurred_at >= $1 and occurred_at < $2
     order by occurred_at desc, id desc`,
      [from, to],
    )
    for (const limit of [3, 7, 101]) {
      const found: string[] = []
      for (let after: string | undefined, more = true; more; more = after !== undefined) {
        const page = await operations.audit.list(TESTER, 'acme', { from, to, after, limit })
        found.push(...page.items.map(({ id }) => id))
        after = page.next
      }
      t.equal(found.join(), rows.map(({ id }) => id).join(), `${limit} at a time`)
    }
    t.ok(rows.length > 300)
  },
)

async function explainAll(statements: readonly Statement[]) {
  let pages = 0
  let plans = ''
  for (const statement of statements.filter(({ text }) => /audit_events/.test(text))) {
    const found = await explain(client, statement, false)
    pages += found.pages
    plans += JSON.stringify(found.plan)
  }
  return { pages, plans }
}
