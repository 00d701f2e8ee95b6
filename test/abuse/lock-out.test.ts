import { createHash } from 'node:crypto'
import pg from 'pg'
import t, { type Test } from 'tap'
import { DEFAULT_FAILED_ATTEMPTS_POLICY as POLICY } from '../../src/domain/failed-attempts.ts'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'
import { ATTACKER, acme, ask, fail, IMPORTED_SECRET, OWNER, statuses } from './attempts.ts'

/** Waits until another process would know the networks that clients got in from. */
async function untilRemembered(t: Test, databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  for (;;) {
    const { rows } = await client.query('select count(*)::int as n from client_networks')
    if (rows[0].n === count) return
  }
}

for (const store of ['memory', 'postgres'] as const)
  t.test(`the owner gets in whatever strangers do from other networks, counted in ${store}`, async (t) => {
    const databaseUrl = await testDatabase(t)
    const options = { databaseUrl, failedAttemptsStore: store }
    const { server, clientId, clientSecret } = await acme(t, options)
    await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
    const { clientSecret: shaped } = await server.operations.secrets.reset(TESTER, 'acme', clientId)
    // Guesses and well-formed secrets of the victim's and of others, from IPv4 and from all of an IPv6 /56.
    const networks = [
      ...Array.from({ length: 32 }, (_, n) => ({ address: `192.0.2.${n}`, guesses: 6 })),
      ...Array.from({ length: 256 }, (_, n) => ({ address: `2001:db8:0:${n.toString(16)}::1`, guesses: 2 })),
    ]
    for (const { address, guesses } of networks)
      await statuses([
        ...Array.from({ length: guesses }, (_, n) => ask(server, 'legacy', `guess number ${n}`, address)),
        ask(server, clientId, clientSecret, address),
        ask(server, 'legacy', shaped, address),
      ])
    const restarted = await testServer(t, { trustProxy: 1, ...options })
    for (const node of [server, restarted])
      for (const address of [OWNER, '2001:db8:1::1'])
        t.same(
          await statuses([
            ask(node, 'legacy', IMPORTED_SECRET, address),
            ask(node, clientId, shaped, address),
          ]),
          [200, 200],
        )
    const root = { clientId: 'root', clientSecret: 'a secret of the platform' }
    t.ok(await restarted.operations.clients.authenticate('system', root, OWNER))
  })

t.test('wrong secrets of the generated form say nothing of the client that they are for', async (t) => {
  const { server, clientId, clientSecret } = await acme(t)
  await server.operations.secrets.reset(TESTER, 'acme', clientId)
  for (let n = 0; n < POLICY.perClientAndAddress * 2; n++)
    t.equal((await ask(server, 'legacy', clientSecret)).statusCode, 401)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 200)
})

t.test(
  'a client is let in where it was before, though strangers fail there, after a restart too',
  async (t) => {
    const databaseUrl = await testDatabase(t)
    const { server } = await acme(t, { databaseUrl })
    t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
    await untilRemembered(t, databaseUrl, 1)
    const restarted = await testServer(t, { trustProxy: 1, databaseUrl })
    for (const node of [server, restarted]) {
      for (let n = 0; n < POLICY.perAddress; n++) await ask(node, `sa_${n}`, 'wrong', OWNER)
      t.equal((await ask(node, 'sa_other', 'wrong', OWNER)).statusCode, 429)
      t.equal((await ask(node, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
    }
  },
)

t.test('a right secret is no failed attempt while its account is disabled', async (t) => {
  const { server } = await acme(t)
  const enable = (enabled: boolean) =>
    server.operations.accounts.update(TESTER, 'acme', 'legacy', { enabled })
  await enable(false)
  for (let n = 0; n < 10; n++) t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 401)
  await enable(true)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET)).statusCode, 200)
})

t.test('no client_id can be computed whose failures count for another client', async (t) => {
  const { server } = await acme(t)
  // Where names are hashed into so few places, one that meets the victim's is found in no time.
  const placeOf = (...parts: string[]) =>
    createHash('sha256').update(JSON.stringify(parts)).digest().readUInt32BE() % 2 ** 16
  const victim = placeOf('acme', 'legacy', OWNER)
  let n = 0
  while (placeOf('acme', `sa_${n}`, ATTACKER) !== victim) n++
  await fail(server, `sa_${n}`, 6)
  t.equal((await ask(server, 'legacy', IMPORTED_SECRET, OWNER)).statusCode, 200)
})
