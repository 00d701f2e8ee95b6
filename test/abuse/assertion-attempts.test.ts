import fc from 'fast-check'
import t, { type Test } from 'tap'
import { DEFAULT_FAILED_ATTEMPTS_POLICY as POLICY } from '../../src/domain/failed-attempts.ts'
import {
  askWith,
  assertionClaims,
  type KeyPair,
  keyClient,
  keyPair,
  query,
  signAssertion,
} from '../support/assertion.ts'
import { testDatabase } from '../support/postgres.ts'
import { PUBLIC_URL, TESTER, type TestServer, type TestServerOptions, testServer } from '../support/server.ts'
import { ATTACKER, OWNER } from './attempts.ts'

const ISSUER = `${PUBLIC_URL}/realms/acme`
const STRANGER = keyPair('ES256')

async function acme(t: Test, options: TestServerOptions = {}) {
  const server = await testServer(t, options)
  await server.operations.realms.create(TESTER, 'acme')
  return { server, client: await keyClient(server) }
}

/** An assertion in another's name. */
function forged(
  { clock }: TestServer,
  clientId: string,
  kid: string | undefined,
  pair: KeyPair = STRANGER,
): string {
  return signAssertion(pair, { alg: 'ES256', kid }, assertionClaims(clientId, ISSUER, clock.now))
}

async function status(server: TestServer, assertion: string, address = ATTACKER, endpoint = 'token') {
  return (await askWith(server, assertion, {}, { address, endpoint })).statusCode
}

for (const endpoint of ['token', 'token/introspect', 'revoke'])
  t.test(`after five wrong signatures at ${endpoint} the next attempt is told to wait`, async (t) => {
    const { server, client } = await acme(t)
    for (const [clientId, kid, address] of [
      [client.clientId, client.kid, '203.0.113.1'],
      [client.clientId, 'unknown', '203.0.113.2'],
      [client.clientId, undefined, '203.0.113.3'],
      ['sa_unknown', client.kid, '203.0.113.4'],
    ] as const) {
      const found = []
      for (let n = 0; n < POLICY.perClientAndAddress + 1; n++)
        found.push(await status(server, forged(server, clientId, kid), address, endpoint))
      t.same(found, [401, 401, 401, 401, 401, 429], `${clientId} ${kid}`)
    }
    const held = await askWith(server, client.assertion(), {}, { address: '203.0.113.1', endpoint })
    t.equal(held.statusCode, 429, 'the right one too, from where the failures came')
    t.equal(held.headers['retry-after'], '1')
    t.equal(await status(server, client.assertion(), OWNER, endpoint), 200 + (endpoint === 'token' ? 0 : 200))
  })

t.test('many wrong signatures at once are worth no more than one after the other', async (t) => {
  const { server, client } = await acme(t)
  for (const algorithm of ['ES256', 'ES384'] as const) {
    const wrong = () =>
      signAssertion(
        keyPair(algorithm),
        { alg: algorithm, kid: client.kid },
        assertionClaims(client.clientId, ISSUER, server.clock.now),
      )
    const address = algorithm === 'ES256' ? '203.0.113.5' : '203.0.113.6'
    const statuses = await Promise.all(Array.from({ length: 30 }, () => status(server, wrong(), address)))
    const verified = statuses.filter((one) => one === 401).length
    t.equal(verified, POLICY.perClientAndAddress, algorithm)
  }
})

t.test('many right assertions at once are all let in', async (t) => {
  const { server, client } = await acme(t)
  const slow = await keyClient(server, { name: 'slow', algorithm: 'ES384' })
  for (const one of [client, slow]) {
    const statuses = await Promise.all(
      Array.from({ length: 60 }, () => status(server, one.assertion(), OWNER)),
    )
    t.same(new Set(statuses), new Set([200]))
  }
})

t.test('a fault other than the signature counts against the network only', async (t) => {
  const { server, client } = await acme(t)
  for (let n = 0; n < POLICY.perAddress; n++) t.equal(await status(server, client.assertion({ exp: 1 })), 401)
  t.equal(await status(server, client.assertion({ exp: 1 })), 429)
  t.equal(await status(server, client.assertion(), OWNER), 200)
})

for (const store of ['memory', 'postgres'] as const)
  t.test(`the owner of a key gets in whatever strangers do elsewhere, counted in ${store}`, async (t) => {
    const databaseUrl = await testDatabase(t)
    const options = { databaseUrl, failedAttemptsStore: store }
    const { server, client } = await acme(t, options)
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            network: fc.nat(40),
            v6: fc.boolean(),
            kid: fc.constantFrom(client.kid, 'other', undefined),
            clientId: fc.constantFrom(client.clientId, 'sa_other'),
            kind: fc.constantFrom('forged' as const, 'expired' as const, 'replayed' as const),
          }),
          { minLength: 40, maxLength: 80 },
        ),
        async (attempts) => {
          const used = client.assertion()
          await status(server, used, OWNER)
          await Promise.all(
            attempts.map(({ network, v6, kid, clientId, kind }) => {
              const address = v6 ? `2001:db8:0:${network.toString(16)}::1` : `192.0.2.${network}`
              const assertion = {
                forged: () => forged(server, clientId, kid),
                expired: () => client.assertion({ exp: 1 }),
                replayed: () => used,
              }[kind]()
              return status(server, assertion, address)
            }),
          )
          for (const address of [OWNER, '2001:db8:1::1'])
            if ((await status(server, client.assertion(), address)) !== 200)
              throw new Error(`held at ${address}`)
        },
      ),
      { numRuns: 8 },
    )
    const restarted = await testServer(t, { ...options, clock: server.clock })
    t.equal(await status(restarted, client.assertion(), OWNER), 200)
  })

t.test('where a client got in before, failures of other clients there do not hold it back', async (t) => {
  const databaseUrl = await testDatabase(t)
  const { server, client } = await acme(t, { databaseUrl })
  t.equal(await status(server, client.assertion(), OWNER), 200)
  while ((await query(server, 'select * from client_networks')).length === 0);
  const restarted = await testServer(t, { databaseUrl, clock: server.clock })
  for (const node of [server, restarted]) {
    for (let n = 0; n < POLICY.perAddress; n++) await status(node, forged(node, `sa_${n}`, 'x'), OWNER)
    t.equal(await status(node, forged(node, 'sa_new', 'x'), OWNER), 429)
    t.equal(await status(node, client.assertion(), OWNER), 200)
  }
})

t.test('failures at one node hold attempts back at another, where nodes count together', async (t) => {
  const databaseUrl = await testDatabase(t)
  const options = { databaseUrl, failedAttemptsStore: 'postgres' } as const
  const { server, client } = await acme(t, options)
  const other = await testServer(t, { ...options, clock: server.clock })
  for (let n = 0; n < POLICY.perClientAndAddress; n++)
    t.equal(await status(server, forged(server, client.clientId, client.kid)), 401)
  t.equal(await status(other, forged(other, client.clientId, client.kid)), 429)
  t.equal(await status(other, client.assertion()), 429, 'from now on the other knows it before there is work')
})

t.test('a right assertion writes its use and nothing else, where nodes count together too', async (t) => {
  const { server, client } = await acme(t, { failedAttemptsStore: 'postgres' })
  await status(server, client.assertion(), OWNER)
  while ((await query(server, 'select * from client_networks')).length === 0);
  // PostgreSQL counts what a connection did when it ends, or after a while.
  const written = async () => {
    await query(
      server,
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state = 'idle'`,
    )
    const rows = await query(
      server,
      'select relname, n_tup_ins + n_tup_upd + n_tup_del as n from pg_stat_user_tables order by relname',
    )
    return new Map(rows.map(({ relname, n }) => [relname as string, Number(n)]))
  }
  const used = async () => (await written()).get('used_assertions')
  while ((await used()) !== 1);
  const before = await written()
  for (let n = 0; n < 10; n++) t.equal(await status(server, client.assertion(), OWNER), 200)
  while ((await used()) !== 11);
  const after = await written()
  const grown = [...after].filter(([table, n]) => n !== before.get(table)).map(([table]) => table)
  t.same(grown, ['used_assertions'])
})
