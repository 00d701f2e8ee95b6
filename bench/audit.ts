import pg from 'pg'
import { PLATFORM_AUTHORITY } from '../src/domain/authority.ts'
import { systemClock } from '../src/domain/clock.ts'
import { openOperations } from '../src/operations/open.ts'
import type { Operations } from '../src/operations/operations.ts'
import type { AuditEventQuery } from '../src/operations/upkeep/audit-events.ts'
import type { BenchContext } from './support/bench.ts'
import { ratio, spread } from './support/measure.ts'
import { type Report, show, type Target } from './support/report.ts'
import { daysAgo, fillTrail, makeMonths, packMonths } from './support/trail.ts'

const FEW = 10_000
const NOW = Date.now()
const ago = (days: number) => daysAgo(days, NOW)
const BENCHER = { kind: 'cli', id: 'bench', address: undefined, authority: PLATFORM_AUTHORITY } as const

const PAGES: Readonly<Record<string, Omit<AuditEventQuery, 'limit'>>> = {
  newest: {},
  'by time': { from: ago(400), to: ago(300) },
  'by action': { action: 'key.rotate' },
  'by actor': { actor: 'actor 7' },
  'by target': { target: 'target 77' },
  'deep in the list': { after: `${ago(600).getTime()}.1` },
}

/** Searches read a bounded part of the trail and may return fewer events than the limit. Their target is a time, not a ratio. */
const SEARCHES: Readonly<Record<string, Omit<AuditEventQuery, 'limit'>>> = {
  'two common filters without a common event': { action: 'grant.add', actor: 'the pipeline' },
  'a name that no actor has': { actorContains: 'nobody' },
}

/** Compares pages of 100 events of a long trail with those of a trail of ten thousand, and measures the export. */
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
  await fillTrail(client, 'bench', events)
  await packMonths(client)
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
