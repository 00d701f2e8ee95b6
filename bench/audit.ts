import pg from 'pg'
import { PLATFORM_AUTHORITY } from '../src/domain/authority.ts'
import { systemClock } from '../src/domain/clock.ts'
import { openOperations } from '../src/operations/open.ts'
import type { Operations } from '../src/operations/operations.ts'
import type { AuditEventQuery } from '../src/operations/upkeep/audit-events.ts'
import type { BenchContext } from './support/bench.ts'
import { ratio, spread } from './support/measure.ts'
import { type Report, show } from './support/report.ts'

const FEW = 10_000
const DAY = Date.UTC(2026, 0, 1)
const BENCHER = { kind: 'cli', id: 'bench', address: undefined, authority: PLATFORM_AUTHORITY } as const

const PAGES: Readonly<Record<string, Omit<AuditEventQuery, 'limit'>>> = {
  newest: {},
  'by time': { from: new Date(DAY + 1_000_000), to: new Date(DAY + 5_000_000) },
  'by action': { action: 'key.rotate' },
  'by actor': { actor: 'actor 7' },
  'by target': { target: 'target 77' },
  'deep in the list': { after: `${DAY + 4_000_000}.1` },
}

/** Pages of 100 events, and the export, of a trail of ten million beside one of ten thousand. */
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
  const rate = await exportRate(many.operations)
  await few.close()
  await many.close()
  return {
    title: `Pages of 100 events of an audit trail of ${options.events} events, beside one of ${FEW}.`,
    targets: Object.entries(times).map(([name, { few: a, many: b }]) => ({
      what: `page ${name}: time ÷ time with few`,
      wanted: '≤ 1.5',
      found: ratio(b, a),
    })),
    table: [
      ['', 'ms with few', 'ms with many'],
      ...Object.entries(times).map(([name, found]) => [
        name,
        show(spread(found.few)),
        show(spread(found.many)),
      ]),
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
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
     where tablename = 'audit_events' and indexname like '%_idx'`,
  )
  for (const { name } of indexes) await client.query(`drop index ${name}`)
  // A thousand are key rotations, and everybody and everything has a hundred events, however many there are.
  await client.query(
    `insert into audit_events (realm_id, realm, occurred_at, actor_kind, actor_id, action, target, outcome, details)
     select r.id, r.name, $1::timestamptz + n * interval '1 millisecond' * ($2 / $3::float8),
       'api', 'actor ' || n % ($3 / 100), case n % ($3 / 1000) when 0 then 'key.rotate' else 'service-account.update' end,
       'target ' || n % ($3 / 100), 'done', '{"name": "CI deployer"}'
     from generate_series(1, $3::int) n, realms r where r.name = 'bench'`,
    [new Date(DAY), 10_000_000, events],
  )
  for (const { definition } of indexes) await client.query(definition)
  await client.query('vacuum analyze audit_events')
  await client.end()
  return opened
}

async function median(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 50; n++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[25] as number
}

async function exportRate(operations: Operations): Promise<number> {
  const start = performance.now()
  let count = 0
  for await (const _ of await operations.audit.export(BENCHER, 'bench', {})) if (++count === 200_000) break
  return (count / (performance.now() - start)) * 1000
}
