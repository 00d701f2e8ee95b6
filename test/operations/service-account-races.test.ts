import t, { type Test } from 'tap'
import type { Refusal } from '../../src/domain/refusal.ts'
import { isStatementTimeout } from '../../src/storage/database-error.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

/** Two nodes on one database, and a realm. */
async function twoNodes(t: Test, settings = {}) {
  const one = await testServer(t)
  const other = await testServer(t, { databaseUrl: one.databaseUrl })
  await one.operations.realms.create(TESTER, 'acme', settings)
  return [one, other] as const
}

function onEither(nodes: readonly TestServer[], n: number) {
  return (nodes[n % nodes.length] as TestServer).operations
}

/** What came of each: a value or the code of its refusal. One that a busy machine was too slow for is tried again. */
async function outcomes<T>(attempts: readonly (() => Promise<T>)[]) {
  const patient = async (attempt: () => Promise<T>): Promise<T> => {
    try {
      return await attempt()
    } catch (error) {
      if (isStatementTimeout(error)) return patient(attempt)
      throw error
    }
  }
  const settled = await Promise.allSettled(attempts.map(patient))
  const values = settled.filter((each) => each.status === 'fulfilled').map(({ value }) => value)
  const codes = settled
    .filter((each) => each.status === 'rejected')
    .map(({ reason }) => (reason as Refusal).code)
  return { values, codes }
}

const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n))

t.test('of 100 creations that race, 25 take the 25 places of a realm', async (t) => {
  const nodes = await twoNodes(t)
  const { values, codes } = await outcomes(
    times(100, (n) => () => onEither(nodes, n).accounts.create(TESTER, 'acme', { name: `account ${n}` })),
  )
  t.equal(values.length, 25)
  t.same(new Set(codes), new Set(['limit_reached']))
  t.equal((await nodes[0].operations.realms.find(TESTER, 'acme')).serviceAccountCount, 25)

  // A place that is given up can be had again, once.
  await nodes[0].operations.accounts.delete(TESTER, 'acme', values[0]?.account.clientId as string)
  const again = await outcomes(
    times(4, (n) => () => onEither(nodes, n).accounts.create(TESTER, 'acme', { name: `late ${n}` })),
  )
  t.equal(again.values.length, 1)
})

t.test('of 100 creations under one name that race, one has it', async (t) => {
  const nodes = await twoNodes(t, { serviceAccountLimit: 1000 })
  const spellings = ['Build', 'build', ' BUILD ', 'ｂuild']
  const { values, codes } = await outcomes(
    times(
      100,
      (n) => () => onEither(nodes, n).accounts.create(TESTER, 'acme', { name: spellings[n % 4] as string }),
    ),
  )
  t.equal(values.length, 1)
  t.same(new Set(codes), new Set(['name_taken']))
  t.equal(
    (await nodes[0].operations.realms.find(TESTER, 'acme')).serviceAccountCount,
    1,
    'the others took no place',
  )
})

t.test('of imports under one client_id that race, one has it', async (t) => {
  const nodes = await twoNodes(t)
  const imported = { clientId: 'legacy', clientSecret: 'correct horse' }
  const { values, codes } = await outcomes(
    times(
      10,
      (n) => () => onEither(nodes, n).accounts.create(TESTER, 'acme', { name: `name ${n}`, imported }),
    ),
  )
  t.equal(values.length, 1)
  t.same(new Set(codes), new Set(['client_id_taken']))
})

t.test('of secrets from resets that race, the one of the last reset is good and no other', async (t) => {
  const nodes = await twoNodes(t)
  const { account, clientSecret } = await nodes[0].operations.accounts.create(TESTER, 'acme', {
    name: 'a',
  })
  const { clientId } = account
  const { values, codes } = await outcomes(
    times(20, (n) => () => onEither(nodes, n).secrets.reset(TESTER, 'acme', clientId)),
  )
  t.equal(values.length, 20)
  t.same(codes, [])
  // Each was told which version of the account its reset made.
  const inOrder = values.toSorted((a, b) => a.account.version - b.account.version)
  t.equal(new Set(inOrder.map((each) => each.account.version)).size, 20)

  const good: string[] = []
  for (const [n, secret] of [clientSecret, ...inOrder.map((each) => each.clientSecret)].entries()) {
    // From an address each, for whoever fails often from one must wait.
    const address = `192.0.2.${n}`
    const works = nodes[1].operations.clients.authenticate(
      'acme',
      { clientId, clientSecret: secret },
      address,
    )
    await works.then(
      () => good.push(secret),
      (error) => t.match(error, { code: 'invalid_client' }),
    )
  }
  t.same(good, [inOrder.at(-1)?.clientSecret])
})

t.test('a reset and a deletion that race leave no secret behind', async (t) => {
  const nodes = await twoNodes(t)
  for (let n = 0; n < 10; n++) {
    const { account } = await nodes[0].operations.accounts.create(TESTER, 'acme', { name: 'a' })
    const { clientId } = account
    const reset = nodes[0].operations.secrets.reset(TESTER, 'acme', clientId)
    const deletion = nodes[1].operations.accounts.delete(TESTER, 'acme', clientId)
    await deletion
    const secret = await reset.then(
      ({ clientSecret }) => clientSecret,
      ({ code }) => void t.equal(code, 'not_found'),
    )
    const credentials = { clientId, clientSecret: secret ?? account.clientId }
    await t.rejects(nodes[0].operations.clients.authenticate('acme', credentials, '::1'), {
      code: 'invalid_client',
    })
  }
  t.equal((await nodes[0].operations.realms.find(TESTER, 'acme')).serviceAccountCount, 0)
})
