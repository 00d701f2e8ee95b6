import pg from 'pg'
import { PLATFORM_AUTHORITY } from '../src/domain/authority.ts'
import { systemClock } from '../src/domain/clock.ts'
import { openOperations } from '../src/operations/open.ts'
import type { Operations } from '../src/operations/operations.ts'
import type { AuditEventQuery } from '../src/operations/upkeep/audit-events.ts'
import type { BenchContext } from './support/bench.ts'
import { ratio, spread } from './support/measure.ts'
import { type Report, show, type Target } from './support/report.ts'

const FEW = 10_000
const DAY_MILLISECONDS = 86_400_000
/** The events are of two years up to now. */
const DAYS = 730
const NOW = Date.now()
const ago = (days: number) => new Date(NOW - days * DAY_MILLISECONDS)
const BENCHER = { kind: 'cli', id: 'bench', address: undefined, authority: PLATFORM_AUTHORITY } as const

const PAGES: Readonly<Record<string, Omit<AuditEventQuery, 'limit'>>> = {
  newest: {},
  'by time': { from: ago(400), to: ago(300) },
  'by action': { action: 'key.rotate' },
  'by actor': { actor: 'actor 7' },
  'by target': { target: 'target 77' },
  'deep in the list': { after: `${ago(600).getTime()}.1` },
}

/** They read a bounded part of the trail, so that a page may have fewer events than its limit: a time, not a ratio. */
const SEARCHES: Readonly<Record<string, Omit<AuditEventQuery, 'limit'>>> = {
  'two common filters without a common event': { action: 'grant.add', actor: 'the pipeline' },
  'a name that no actor has': { actorContains: 'nobody' },
}

/** Pages of 100 events, and the export, of a long trail beside one of ten thousand. */
export async function run({ options, postgres, say }: BenchContext): Promise<Report> {
  const few = await trail(await postgres.createDatabase('few'), FEW)
  say(`writing ${options.events} events`)
  const many = await trail(await postgres.createDatabase('many'), options.events)
  const times: Record<string, { few: number[]; many: number[] }> = {}
  for (const [name, query] of Object.entries(PAGES)) {
    const page = (operations: Operations) => operations.audit.list(BENCHER, 'bench', { ...query, limit: 100 })
    const found = { few: [] as number[], many: [] as number[] }
    for (let round = 0; round < options.rounds; round++) {
      found.few.push(await median(() => page(few.operations)))
      found.many.push(await median(() => page(many.operations)))
    }
    times[name] = found
  }
  const searches: Record<string, number[]> = {}
  for (const [name, query] of Object.entries(SEARCHES)) {
    const page = () => many.operations.audit.list(BENCHER, 'bench', { ...query, limit: 100 })
    searches[name] = []
    for (let round = 0; round < options.rounds; round++) searches[name].push(await median(page, 5))
  }
  const rate = await exportRate(many.operations)
  await few.close()
  await many.close()
  const targets: Target[] = [
    ...Object.entries(times).map(([name, { few: a, many: b }]) => ({
      what: `page ${name}: time ÷ time with few`,
      wanted: '≤ 1.5' as const,
      found: ratio(b, a),
    })),
    ...Object.entries(searches).map(([name, found]) => ({
      what: `${name}: ms`,
      wanted: '≤ 1000' as const,
      found: spread(found),
    })),
    { what: 'bytes an event, with indexes and TOAST', wanted: '≤ 400' as const, found: spread([many.bytes]) },
    { what: 'indexes of a partition, at most', wanted: '≤ 3' as const, found: spread([many.indexes]) },
  ]
  return {
    title: `Pages of 100 events of an audit trail of ${options.events} events of two years, beside one of ${FEW}.`,
    targets,
    table: [
      ['', 'ms with few', 'ms with many'],
      ...Object.entries(times).map(([name, found]) => [
        name,
        show(spread(found.few)),
        show(spread(found.many)),
      ]),
      ...Object.entries(searches).map(([name, found]) => [name, '', show(spread(found))]),
      ['export, events/s', '', rate.toFixed(0)],
    ],
  }
}

async function trail(databaseUrl: string, events: number) {
  const opened = await openOperations({
    databaseUrl,
    dataDir: '/nonexistent',
    publicUrl: 'http://localhost',
    masterKeys: [Buffer.alloc(32, 7).toString('base64url')],
    clock: systemClock,
    poolSize: 4,
    databaseWaitSeconds: 30,
    log: () => {},
  })
  await opened.operations.realms.create(BENCHER, 'bench')
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await makeMonths(client)
  const { rows: months } = await client.query<{ name: string; isOver: boolean }>(
    `select name, upper_bound < now() as "isOver" from audit_events_partitions() where lower_bound is not null`,
  )
  for (const { name, isOver } of months) if (isOver) await dropIndexes(client, name)
  // A thousand are key rotations, and everybody and everything has a hundred events, however many there are. Half are of one
  // actor; the rest has twenty actions.
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, address, details)
     select r.id, r.name, $1::timestamptz + n * interval '1 millisecond' * ($2 / $3::float8), 'api',
       case n % 2 when 0 then 'the pipeline' else 'actor ' || n % ($3 / 100) end,
       case when n % ($3 / 1000) = 0 then 'key.rotate' when n % 2 = 0 then 'service-account.update' else (array[
         'grant.add', 'grant.remove', 'role.add', 'role.remove', 'resource.create', 'resource.update', 'resource.delete',
         'service-account.create', 'service-account.delete', 'service-account.reset-secret', 'realm.update', 'portal.link',
         'portal.sign-in', 'portal.sign-out', 'token.revoke', 'service-account.import', 'workload-identity.add',
         'service-account.enable'])[1 + n / 2 % 18] end,
       'target ' || n % ($3 / 100), 'done', '203.0.113.' || n % 250, '{"name": "CI deployer"}'
     from generate_series(1, $3::int) n, realms r where r.name = 'bench'`,
    [ago(DAYS), DAYS * DAY_MILLISECONDS, events],
  )
  // As the upkeep does when a month is over; the month under way has indexes that grew line by line.
  for (const { name, isOver } of months)
    if (isOver) await client.query('select audit_events_pack($1)', [name])
  await client.query('vacuum analyze audit_events')
  const { rows: sizes } = await client.query<{ bytes: string; indexes: string }>(
    `select sum(pg_total_relation_size(quote_ident(name)::regclass)) as bytes,
       max((select count(*) from pg_index where indrelid = quote_ident(name)::regclass)) as indexes
     from audit_events_partitions()`,
  )
  await client.end()
  return {
    ...opened,
    bytes: Number(sizes[0]?.bytes) / events,
    indexes: Number(sizes[0]?.indexes),
  }
}

async function makeMonths(client: pg.Client): Promise<void> {
  await client.query(
    `select audit_events_add_month(m) from generate_series(date_trunc('month', $1::timestamptz at time zone 'UTC'),
       date_trunc('month', now() at time zone 'UTC') - interval '1 month', interval '1 month') m`,
    [ago(DAYS)],
  )
}

async function dropIndexes(client: pg.Client, table: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'select indexname as name from pg_indexes where tablename = $1',
    [table],
  )
  for (const { name } of rows) await client.query(`drop index ${name}`)
}

async function median(call: () => Promise<unknown>, calls = 50): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < calls; n++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[calls >> 1] as number
}

async function exportRate(operations: Operations): Promise<number> {
  const start = performance.now()
  let count = 0
  for await (const _ of await operations.audit.export(BENCHER, 'bench', {})) if (++count === 200_000) break
  return (count / (performance.now() - start)) * 1000
}
