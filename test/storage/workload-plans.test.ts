import pg from 'pg'
import t from 'tap'
import { insertCopies } from '../support/copied-rows.ts'
import { post } from '../support/introspection.ts'
import { bound, platformForm, testPlatform, trust } from '../support/platform.ts'
import { testDatabase } from '../support/postgres.ts'
import { explain, recordStatements } from '../support/query-plans.ts'
import { TESTER, testServer } from '../support/server.ts'

/** One table alone has thousands. */
const MAX_PAGES = 100

interface Amounts {
  readonly realms: number
  readonly accounts: number
  readonly identities: number
}

/** Of a few hundred accounts PostgreSQL, without statistics, may think that reading all of them costs least. */
const SIZES: readonly Amounts[] = [
  { realms: 1000, accounts: 1000, identities: 100_000 },
  { realms: 1, accounts: 200, identities: 200 },
  { realms: 1, accounts: 2000, identities: 2000 },
]

for (const amounts of SIZES)
  t.test(`a platform token is found by few pages among ${JSON.stringify(amounts)}`, async (t) => {
    const databaseUrl = await testDatabase(t)
    const server = await testServer(t, { databaseUrl })
    const client = new pg.Client(databaseUrl)
    await client.connect()
    t.teardown(() => client.end())
    const tables = [
      'service_accounts',
      'workload_identities',
      'workload_identity_keys',
      'trusted_issuers',
      'realms',
    ]
    for (const table of tables) await client.query(`alter table ${table} set (autovacuum_enabled = off)`)
    await server.operations.realms.create(TESTER, 'acme')
    const platform = testPlatform(server)
    const id = await trust(server, platform)
    const { clientId, identityId } = await bound(server, id)
    await client.query('set session_replication_role = replica')
    await fill(client, clientId, identityId, amounts)
    // Two processes: what one of them has in memory the other reads.
    const fresh = await testServer(t, { databaseUrl, clock: server.clock })
    const ask = async (sub: string, more = {}) =>
      (await post(fresh, 'token', { ...platformForm('grant', platform.token({ sub })), ...more })).statusCode
    const first = await recordStatements(async () => {
      t.equal(await ask('workload', { client_id: clientId }), 200)
      t.equal(await ask('nobody'), 400)
      t.equal(await ask('workload', { client_id: 'zz' }), 400)
    })
    const again = await recordStatements(async () => {
      t.equal(await ask('workload', { client_id: clientId }), 200)
    })
    // What the first request left to be written may be written now.
    const reads = again.filter(({ text }) => /^\s*select/.test(text))
    t.equal(reads.length, 1, `one read decides: ${reads.map(({ text }) => text).join()}`)
    for (const when of ['without statistics', 'after analyze']) {
      if (when === 'after analyze') await client.query('analyze')
      for (const statement of [...first, ...again])
        for (const generic of [false, true]) {
          const { pages, plan } = await explain(client, statement, generic)
          if (pages > MAX_PAGES) t.fail(`${pages} pages, ${generic} ${when}: ${statement.text}`, { plan })
        }
    }
  })

/** Every other identity pins the same as the first, so that a client_id alone tells them apart. */
async function fill(
  client: pg.Client,
  clientId: string,
  identityId: string,
  { realms, accounts, identities }: Amounts,
): Promise<void> {
  await insertCopies(client, {
    table: 'realms',
    changed: { id: '1000000 + n', name: "'r' || n" },
    from: `, generate_series(1, ${realms}) n where name = 'acme'`,
  })
  await insertCopies(client, {
    table: 'trusted_issuers',
    changed: { realm_id: '1000000 + n' },
    from: `, generate_series(1, ${realms}) n`,
  })
  const named = { name: "'copy ' || n", name_key: "'copy ' || n", status_index: '1000000 + n' }
  await insertCopies(client, {
    table: 'service_accounts',
    changed: { client_id: "'sa_' || n", ...named },
    from: `, generate_series(1, ${accounts}) n where client_id = $1`,
    values: [clientId],
  })
  const account = `'sa_' || n % ${accounts} + 1`
  await insertCopies(client, {
    table: 'workload_identities',
    changed: { client_id: account, id: "'w' || n" },
    from: `, generate_series(1, ${identities}) n where id = $1`,
    values: [identityId],
  })
  await insertCopies(client, {
    table: 'workload_identity_keys',
    changed: {
      hash: 'case when n % 2 = 0 then x.hash else sha256(n::text::bytea) end',
      client_id: account,
      identity_id: "'w' || n",
    },
    from: `, generate_series(1, ${identities}) n where identity_id = $1`,
    values: [identityId],
  })
}
