import pg from 'pg'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/domain/clock.ts'
import { type OpenedOperations, openOperations } from '../../src/operations/open.ts'
import { testDatabase } from '../support/postgres.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER } from '../support/server.ts'

// The database is its own standby here: what a real one does is in `npm run test:replicas`.

async function open(
  t: Test,
  databaseUrl: string,
  readUrl?: string,
): Promise<OpenedOperations & { said: string[] }> {
  const said: string[] = []
  const opened = await openOperations({
    databaseUrl,
    ...(readUrl !== undefined && { readReplica: { url: readUrl, maxLagSeconds: 2 } }),
    dataDir: '/proc/none',
    publicUrl: PUBLIC_URL,
    masterKeys: [MASTER_KEY],
    clock: systemClock,
    poolSize: 4,
    databaseWaitSeconds: 5,
    log: (message) => void said.push(message),
  })
  t.teardown(() => opened.close())
  return { ...opened, said }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

const standbyReads = async ({ operations }: OpenedOperations) =>
  (await operations.measurements.take()).replica?.reads.standby ?? 0

async function isRead(opened: OpenedOperations): Promise<boolean> {
  const before = await standbyReads(opened)
  await opened.operations.publishedRealms.find('acme')
  return (await standbyReads(opened)) > before
}

let clients = 0

async function newClient({ operations }: OpenedOperations) {
  const name = `client ${clients++}`
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name })
  return { clientId: account.clientId, clientSecret: clientSecret as string }
}

/** Statements that this process sends meanwhile, but for those of the lease. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const { query } = pg.Client.prototype
  const seen: string[] = []
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [first] = args as [string | { text: string }]
    const text = typeof first === 'string' ? first : first.text
    if (!text.includes('read_leases')) seen.push(text)
    return (query as (...args: unknown[]) => unknown).apply(this, args)
  } as never
  try {
    await work()
  } finally {
    pg.Client.prototype.query = query
  }
  return seen
}

for (const isReplicated of [false, true])
  t.test(`a token costs one statement ${isReplicated ? 'with' : 'without'} a standby to read`, async (t) => {
    const url = await testDatabase(t)
    const opened = await open(t, url, isReplicated ? url : undefined)
    const { operations } = opened
    await operations.realms.create(TESTER, 'acme')
    const client = await newClient(opened)
    if (isReplicated) await until(() => isRead(opened))
    const ask = () => operations.clients.authenticate('acme', client, '10.0.0.1')
    await ask()
    const statements = await statementsOf(ask)
    t.equal(statements.length, 1, statements.join('\n'))
    t.equal((await operations.measurements.take()).replica === undefined, !isReplicated)
  })

t.test(
  'a node with a standby leaves no row behind when it stops, and one that died holds up one change',
  async (t) => {
    const url = await testDatabase(t)
    const writer = await open(t, url)
    await writer.operations.realms.create(TESTER, 'acme')
    const reader = await open(t, url, url)
    await until(() => isRead(reader))
    const client = new pg.Client(url)
    await client.connect()
    t.teardown(() => client.end())
    const rows = async () => (await client.query('select reader from read_leases')).rowCount
    t.equal(await rows(), 1)
    await newClient(writer)
    await reader.close()
    t.equal(await rows(), 0)
    await client.query(`insert into read_leases values ('dead', 3, '{3}', 3, 1000)`)
    await newClient(writer)
    t.equal(await rows(), 0, 'it was waited for, and forgotten')
  },
)

t.test('a change waits until a reader has published a beat that came after it', async (t) => {
  const url = await testDatabase(t)
  const writer = await open(t, url)
  await writer.operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(url)
  await client.connect()
  t.teardown(() => client.end())
  await client.query(`insert into read_leases values ('slow', 3, '{2,3}', 3, 3000000)`)
  let isAnswered = false
  const change = newClient(writer).then(() => {
    isAnswered = true
  })
  const isCommitted = async () => (await client.query('select from service_accounts')).rowCount === 1
  await until(isCommitted)
  const beat = (set = '') =>
    client.query(`update read_leases set beat = beat + 1, beats = beats || beat + 1 ${set}`)
  for (let n = 0; n < 5; n++) {
    await beat()
    await writer.operations.publishedRealms.find('acme')
  }
  t.notOk(isAnswered, 'beats alone say nothing')
  await until(async () => {
    await beat(', covered = beat + 1')
    return isAnswered
  })
  await change
})

t.test('a node whose standby cannot be read serves from the primary and says why', async (t) => {
  const url = await testDatabase(t)
  const reader = await open(t, url, 'postgres://mintmark@127.0.0.1:1/none')
  await reader.operations.realms.create(TESTER, 'acme')
  const client = await newClient(reader)
  t.ok(await reader.operations.clients.authenticate('acme', client, '10.0.0.1'))
  t.same(await reader.operations.health.findHindrances(), [])
  await until(async () => reader.said.some((line) => line.includes('instead of the standby')))
  t.match(
    reader.said.join('\n'),
    /reads go to the primary instead of the standby of DATABASE_READ_URL: ECONNREFUSED/,
  )
  t.equal(await standbyReads(reader), 0)
})

t.test('administrators are authenticated by the primary', async (t) => {
  const url = await testDatabase(t)
  const opened = await open(t, url, url)
  const { operations } = opened
  await operations.realms.create(TESTER, 'acme')
  await until(() => isRead(opened))
  const before = await standbyReads(opened)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: `${PUBLIC_URL}/realms/acme`, client_id: 'sa_1' }
  const token = `${part({ alg: 'ES256', kid: 'x', typ: 'at+jwt' })}.${part(claims)}.${'A'.repeat(86)}`
  const refusal = { code: 'invalid_token', message: 'no such key' }
  await t.rejects(operations.administrators.authenticate(token, '10.0.0.1'), refusal)
  t.equal(await standbyReads(opened), before)
  await t.rejects(operations.presentedTokens.verify(token), refusal)
  t.ok((await standbyReads(opened)) > before, 'other tokens are verified by the standby')
})
