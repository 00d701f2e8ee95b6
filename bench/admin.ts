import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { buildServer } from '../src/server/build-server.ts'
import type { BenchContext } from './support/bench.ts'
import { ratio, spread } from './support/measure.ts'
import { ACTOR, openAdministration, PUBLIC_URL } from './support/mintmark.ts'
import { analyze, copyRealm, createRealm, REALM } from './support/realms.ts'
import { type Report, show } from './support/report.ts'

const CALLS_A_ROUND = 15

interface Side {
  readonly app: FastifyInstance
  readonly token: string
  /** Account that exists during the whole bench. */
  readonly clientId: string
  close(): Promise<void>
}

/** Every call of the admin API with 10,000 realms × 25 accounts loaded, beside one realm × 25 accounts. */
export async function run({ options, postgres, say }: BenchContext): Promise<Report> {
  const realms = Math.min(options.realms, 10_000)
  const one = await prepare(await postgres.createDatabase('one_realm'), 1)
  say(`copying a realm ${realms} times`)
  const many = await prepare(await postgres.createDatabase('many_realms'), realms)
  const times: Record<string, { one: number[]; many: number[] }> = {}
  for (const [name, call] of Object.entries(CALLS)) {
    const found = { one: [] as number[], many: [] as number[] }
    for (let round = -1; round < options.rounds; round++) {
      const medians = await race({ one: () => call(one), many: () => call(many) })
      if (round < 0) continue
      found.one.push(medians.one)
      found.many.push(medians.many)
    }
    times[name] = found
  }
  await one.close()
  await many.close()
  return {
    title: `Calls of the admin API with ${realms} realms of 25 service accounts, beside one such realm.`,
    notes: [
      `In process, without a socket. The two databases take turns call by call; a round is the median of ${CALLS_A_ROUND} calls. Where a second call undoes the first, both count as one.`,
    ],
    targets: Object.entries(times).map(([name, found]) => ({
      what: `${name}: time ÷ time with one realm`,
      wanted: '≤ 1.5',
      found: ratio(found.many, found.one),
    })),
    table: [
      ['', 'ms with one realm', 'ms with many'],
      ...Object.entries(times).map(([name, found]) => [
        name,
        show(spread(found.one)),
        show(spread(found.many)),
      ]),
    ],
  }
}

async function prepare(databaseUrl: string, realms: number): Promise<Side> {
  const opened = await openAdministration(databaseUrl)
  const { operations } = opened
  const clientId = await createRealm(opened)
  if (realms > 1) await copyRealm(databaseUrl, realms - 1)
  await analyze(databaseUrl)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const { app, close } = await buildServer(operations, {
    logger: pino({ level: 'silent' }),
    trustProxy: 0,
    areMetricsOpenLocally: false,
    publicUrl: PUBLIC_URL,
    rateLimits: { perAdministrator: 1e9, perAddress: 1e9 },
  })
  await operations.realms.update(ACTOR, 'system', { tokenLifetimeSeconds: 3600 })
  return {
    app,
    clientId,
    token: await tokenOf(app, 'system', 'root', 'a secret of the platform'),
    close: async () => {
      await close()
      await opened.close()
    },
  }
}

async function tokenOf(app: FastifyInstance, realm: string, id: string, secret: string): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: `/realms/${realm}/protocol/openid-connect/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: id,
      client_secret: secret,
    }).toString(),
  })
  return answer.json().access_token
}

/** Alternates the two call by call, so that other load on the machine slows both alike. */
async function race(calls: Record<'one' | 'many', () => Promise<unknown>>) {
  const times = { one: [] as number[], many: [] as number[] }
  for (let i = 0; i < CALLS_A_ROUND; i++) {
    for (const side of ['one', 'many'] as const) {
      const start = performance.now()
      await calls[side]()
      times[side].push(performance.now() - start)
    }
  }
  return { one: spread(times.one).median, many: spread(times.many).median }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

// biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
async function ask({ app, token }: Side, method: Method, path: string, body?: unknown): Promise<any> {
  const lines = typeof body === 'string'
  const answer = await app.inject({
    method,
    url: `/admin/realms${path}`,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': lines ? 'application/x-ndjson' : 'application/json' }),
    },
    ...(body !== undefined && { payload: lines ? body : JSON.stringify(body) }),
  })
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`)
  return /^application\/json/.test(String(answer.headers['content-type'])) ? answer.json() : undefined
}

const HERE = `/${REALM}`
const GRANT = { role: 'view', type: 'device', id: 'd1' }
const LINES = Array.from({ length: 100 }, (_, i) => JSON.stringify({ type: 'device', id: `n${i}` })).join(
  '\n',
)
let serial = 0

const of = ({ clientId }: Side) => `${HERE}/service-accounts/${clientId}`

const CALLS: Readonly<Record<string, (side: Side) => Promise<unknown>>> = {
  'list realms': (side) => ask(side, 'GET', '?limit=1'),
  'read a realm': (side) => ask(side, 'GET', HERE),
  'change a realm': (side) => ask(side, 'PATCH', HERE, { display_name: `${serial++}` }),
  'create and delete a realm': async (side) => {
    await ask(side, 'POST', '', { name: 'new' })
    await ask(side, 'DELETE', '/new?confirm=new')
  },
  'list accounts': (side) => ask(side, 'GET', `${HERE}/service-accounts?limit=20`),
  'list accounts by name': (side) => ask(side, 'GET', `${HERE}/service-accounts?name=t%201`),
  'list unused accounts': (side) =>
    ask(side, 'GET', `${HERE}/service-accounts?unused_since=2000-01-01T00:00:00Z`),
  'read an account': (side) => ask(side, 'GET', of(side)),
  'change an account': (side) => ask(side, 'PATCH', of(side), { description: `${serial++}` }),
  'create and delete an account': async (side) => {
    const { client_id } = await ask(side, 'POST', `${HERE}/service-accounts`, { name: 'new' })
    await ask(side, 'DELETE', `${HERE}/service-accounts/${client_id}`)
  },
  'reset a secret': (side) => ask(side, 'POST', `${of(side)}/reset-secret`),
  'list secrets': (side) => ask(side, 'GET', `${of(side)}/secrets`),
  'start and cancel a rotation': async (side) => {
    const { secret } = await ask(side, 'POST', `${of(side)}/secrets`, {})
    await ask(side, 'DELETE', `${of(side)}/secrets/${secret.id}`)
  },
  'list roles': (side) => ask(side, 'GET', `${of(side)}/roles`),
  'replace roles': (side) => ask(side, 'PUT', `${of(side)}/roles`, { items: ['view'] }),
  'add and remove a role': async (side) => {
    await ask(side, 'POST', `${of(side)}/roles`, { role: 'operate' })
    await ask(side, 'DELETE', `${of(side)}/roles/operate`)
  },
  'list grants': (side) => ask(side, 'GET', `${of(side)}/grants`),
  'replace grants': (side) => ask(side, 'PUT', `${of(side)}/grants`, { items: [GRANT] }),
  'add and remove a grant': async (side) => {
    const grant = { ...GRANT, role: 'operate' }
    await ask(side, 'POST', `${of(side)}/grants`, grant)
    await ask(side, 'DELETE', `${of(side)}/grants/operate/device/d1`)
  },
  'list resources': (side) => ask(side, 'GET', `${HERE}/resources?limit=10`),
  'search resources': (side) => ask(side, 'GET', `${HERE}/resources?search=D1`),
  'read a resource': (side) => ask(side, 'GET', `${HERE}/resources/device/d1`),
  'make and delete a resource': async (side) => {
    await ask(side, 'PUT', `${HERE}/resources/device/new`, { groups: ['eu-edge'] })
    await ask(side, 'DELETE', `${HERE}/resources/device/new`)
  },
  'import 100 resources again': (side) => ask(side, 'POST', `${HERE}/resources`, LINES),
  'list keys': (side) => ask(side, 'GET', `${HERE}/keys`),
  'list the audit trail': (side) => ask(side, 'GET', `${HERE}/audit-events?limit=20`),
  'list one action': (side) => ask(side, 'GET', `${HERE}/audit-events?limit=20&action=realm.create`),
}
