import pg from 'pg'
import t, { type Test } from 'tap'
import { inTransaction, openDatabase } from '../../src/storage/database.ts'
import { insertStatusIndex } from '../../src/storage/status-lists.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

async function rowsOf<T>({ databaseUrl }: TestServer, text: string): Promise<T[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function twoNodes(t: Test) {
  const one = await testServer(t)
  const other = await testServer(t, { databaseUrl: one.databaseUrl, clock: one.clock })
  await one.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 1000 })
  return [one, other] as const
}

t.test(
  'no two accounts ever have one index, however they are made, renewed and deleted at once',
  async (t) => {
    const nodes = await twoNodes(t)
    const onEither = (n: number) => (nodes[n % 2] as TestServer).operations
    const change = async (n: number) => {
      const { account } = await onEither(n).accounts.create(TESTER, 'acme', { name: `account ${n}` })
      const { clientId } = account
      const disabling = async () => {
        if (n % 4 === 0) await onEither(n).accounts.update(TESTER, 'acme', clientId, { enabled: false })
      }
      const ending = async () => {
        if (n % 3 === 0) await onEither(n + 1).accounts.revokeTokens(TESTER, 'acme', clientId)
        if (n % 3 === 1) await onEither(n + 1).accounts.delete(TESTER, 'acme', clientId)
      }
      await ending()
      await disabling().catch((error: { code: string }) => t.equal(error.code, 'not_found'))
    }
    // A change waits for so many others at most: on a busy machine more would take longer than a request may wait.
    const lanes = Array.from({ length: 6 }, async (_, lane) => {
      for (let n = lane; n < 60; n += 6) await change(n)
    })
    await Promise.all(lanes)
    const accounts = await rowsOf<{ status_index: number }>(
      nodes[0],
      'select status_index from service_accounts',
    )
    const held = accounts.map((account) => account.status_index)
    t.equal(held.length, 40)
    t.equal(new Set(held).size, 40)
    const retired = await rowsOf<{ status_index: number }>(
      nodes[0],
      'select status_index from status_indexes where retired_at is not null',
    )
    const dead = new Set(retired.map((row) => row.status_index))
    t.ok(dead.size >= 40)
    t.same(
      held.filter((index) => dead.has(index)),
      [],
      'nobody has an index whose bit is set',
    )
  },
)

t.test('one of many concurrent draws gets an index', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  const { id } = await operations.realms.create(TESTER, 'acme')
  const db = openDatabase({ connectionString: databaseUrl, poolSize: 10, onIdleError: () => {} })
  for (let index = 0; index < 20; index++) {
    const draws = Array.from({ length: 10 }, () =>
      inTransaction(db, (trx) => insertStatusIndex(trx, id, index)),
    )
    t.equal((await Promise.all(draws)).filter((taken) => taken).length, 1)
  }
  await db.destroy()
})

t.test('an index is had again only when nothing can carry or show it any more', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  await rowsOf(
    server,
    `insert into status_indexes (realm_id, status_index, retired_at)
     select id, 0, '${server.clock.now.toISOString()}' from realms where name = 'acme'`,
  )
  const isFree = async () =>
    (await rowsOf(server, 'select from status_indexes where status_index = 0')).length === 0
  for (const [seconds, free] of [
    [3600 + 300, false],
    [300, false],
    [119, false],
    [2, true],
  ] as const) {
    server.clock.advance(seconds)
    await server.operations.expiry.deleteExpired()
    t.equal(await isFree(), free, `after ${seconds} s more`)
  }
})

t.test('expired rows are deleted in batches', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  await rowsOf(
    server,
    `insert into status_indexes (realm_id, status_index, retired_at)
     select id, generate_series(1, 1500), '2020-01-01' from realms where name = 'acme'`,
  )
  t.equal(await server.operations.expiry.deleteExpired(), true)
  t.equal(await server.operations.expiry.deleteExpired(), false)
  t.same(await rowsOf(server, 'select from status_indexes'), [])
})
