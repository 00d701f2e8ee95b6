import pg from 'pg'
import t, { type Test } from 'tap'
import { endOfTrust } from '../../src/operations/federation/end-of-trust.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { query } from '../support/assertion.ts'
import { until } from '../support/embedded.ts'
import { INACTIVE, introspect, post, type TestClient, testClient } from '../support/introspection.ts'
import { bound, platformForm, type TestPlatform, testPlatform, trust } from '../support/platform.ts'
import { untilLocked } from '../support/postgres.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

interface Place {
  readonly server: TestServer
  /** Another node on the same database. */
  readonly other: TestServer
  readonly platform: TestPlatform
  readonly id: string
  readonly clientId: string
  readonly identityId: string
  readonly resourceServer: TestClient
}

async function place(t: Test): Promise<Place> {
  const server = await testServer(t)
  const { clock, databaseUrl } = server
  const other = await testServer(t, { databaseUrl, clock })
  await server.operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 5000 })
  const platform = testPlatform(server)
  const id = await trust(server, platform)
  const { clientId, identityId } = await bound(server, id)
  const resourceServer = await testClient(server, 'api', 'acme', ['introspect'])
  return { server, other, platform, id, clientId, identityId, resourceServer }
}

const statusOf = async (node: TestServer, token: string) =>
  (await post(node, 'token', platformForm('grant', token))).statusCode

const tokenOf = async (node: TestServer, token: string) =>
  (await post(node, 'token', platformForm('grant', token))).json().access_token as string

/** Ends of trust. Other servers forgot some of them: CVE-2026-1486 (the issuer), CVE-2026-1609 (the account). */
const ENDS: Record<string, (place: Place) => Promise<unknown>> = {
  'the issuer is disabled': ({ server, id }) =>
    server.operations.trustedIssuers.update(TESTER, 'acme', id, { enabled: false }),
  'the issuer is deleted': ({ server, id }) => server.operations.trustedIssuers.delete(TESTER, 'acme', id),
  'the workload identity is deleted': ({ server, clientId, identityId }) =>
    server.operations.workloadIdentities.delete(TESTER, 'acme', clientId, identityId),
  'the account is disabled': ({ server, clientId }) =>
    server.operations.accounts.update(TESTER, 'acme', clientId, { enabled: false }),
  'the account is deleted': ({ server, clientId }) =>
    server.operations.accounts.delete(TESTER, 'acme', clientId),
  'federated is taken from the account': ({ server, clientId }) =>
    server.operations.accounts.update(TESTER, 'acme', clientId, { authMethods: ['client_secret'] }),
  'uploaded keys are replaced': ({ server, id, platform }) => {
    const { jwks } = testPlatform(server, platform.issuer)
    return server.operations.trustedIssuers.update(TESTER, 'acme', id, { keys: { source: 'jwks', jwks } })
  },
}

for (const [what, end] of Object.entries(ENDS))
  t.test(`once ${what}, no node lets its tokens in, and what was got by them is not active`, async (t) => {
    const all = await place(t)
    const { server, other, platform, resourceServer } = all
    const presented = platform.token()
    const issued = [await tokenOf(server, presented), await tokenOf(other, presented)]
    for (const token of issued) t.match(await introspect(other, resourceServer, token), '"active":true')
    await end(all)
    for (const node of [other, server]) {
      t.equal(await statusOf(node, presented), 400)
      t.equal(await statusOf(node, platform.token()), 400)
      for (const token of issued) t.equal(await introspect(node, resourceServer, token), INACTIVE)
    }
  })

t.test('once the realm is deleted, and made again, nothing of it is left', async (t) => {
  const { server, other, platform } = await place(t)
  t.equal(await statusOf(other, platform.token()), 200)
  await server.operations.realms.delete(TESTER, 'acme')
  t.equal(await statusOf(other, platform.token()), 404)
  await server.operations.realms.create(TESTER, 'acme')
  t.equal(await statusOf(other, platform.token()), 400)
  for (const table of ['trusted_issuers', 'workload_identities', 'workload_identity_keys'])
    t.same(await query(server, `select * from ${table}`), [], table)
})

t.test(
  'an issuer that is enabled again has new tokens accepted, and revoked ones stay revoked',
  async (t) => {
    const { server, other, platform, id, resourceServer } = await place(t)
    const before = await tokenOf(server, platform.token())
    await server.operations.trustedIssuers.update(TESTER, 'acme', id, { enabled: false })
    const { issuer } = await server.operations.trustedIssuers.update(TESTER, 'acme', id, { enabled: true })
    t.equal(issuer.ending, undefined)
    t.match(await introspect(other, resourceServer, await tokenOf(other, platform.token())), '"active":true')
    t.equal(await introspect(other, resourceServer, before), INACTIVE)
  },
)

t.test('keys that are added to the uploaded ones end nothing', async (t) => {
  const { server, other, platform, id, resourceServer } = await place(t)
  const token = await tokenOf(server, platform.token())
  const next = testPlatform(server, platform.issuer)
  const jwks = { keys: [...platform.jwks.keys, ...next.jwks.keys] }
  await server.operations.trustedIssuers.update(TESTER, 'acme', id, { keys: { source: 'jwks', jwks } })
  t.match(await introspect(other, resourceServer, token), '"active":true')
  for (const one of [platform, next]) t.equal(await statusOf(other, one.token()), 200)
})

t.test(
  'an issuer with many accounts ends in several transactions, and another node finishes what one began',
  async (t) => {
    const { server, platform, id, clientId, identityId, resourceServer } = await place(t)
    await query(
      server,
      `with copies as (
      insert into service_accounts (realm_id, client_id, name, name_key, roles, auth_methods, status_index, created_at, updated_at)
      select realm_id, 'copy-' || n, 'copy ' || n, 'copy ' || n, roles, auth_methods, 1000000 + n, created_at, updated_at
      from service_accounts, generate_series(1, 1200) n where client_id = $1 returning realm_id, client_id, status_index
    ), taken as (
      insert into status_indexes (realm_id, status_index) select realm_id, status_index from copies
    )
    select count(*) from copies`,
      [clientId],
    )
    await query(
      server,
      `insert into workload_identities (realm_id, client_id, id, issuer_id, rules, created_at)
     select realm_id, 'copy-' || n, id || n, issuer_id, rules, created_at
     from workload_identities, generate_series(1, 1200) n where id = $1`,
      [identityId],
    )
    const token = await tokenOf(server, platform.token())
    // As a node that stopped right after the first transaction.
    await query(server, "update trusted_issuers set enabled = false, ending = 'delete' where id = $1", [id])
    await query(server, 'update realms set version = version + 1')
    t.equal(await statusOf(server, platform.token()), 400)
    t.match(await introspect(server, resourceServer, token), '"active":true')
    t.equal(await server.operations.trustEndings.finishOthers(), false)
    t.equal(await introspect(server, resourceServer, token), INACTIVE)
    const [left] = await query(
      server,
      `select (select count(*) from trusted_issuers)::int as issuers, (select count(*) from workload_identities)::int as identities,
       (select count(*) from service_accounts where status_index between 1000001 and 1001200)::int as old`,
    )
    t.same(left, { issuers: 0, identities: 0, old: 0 })
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      limit: 10,
      action: 'trusted-issuer.end-tokens',
    })
    t.equal(items.length, 3, 'in three transactions')
  },
)

t.test('an end that takes long is answered before it is done, and goes on by itself', async (t) => {
  const { server, id, clientId, platform, resourceServer } = await place(t)
  const token = await tokenOf(server, platform.token())
  const db = openDatabase({ connectionString: server.databaseUrl, poolSize: 2, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const client = await held(t, server, 'select from service_accounts where client_id = $1 for update', [
    clientId,
  ])
  await query(server, "update trusted_issuers set enabled = false, ending = 'disable' where id = $1", [id])
  const realm = await server.operations.realms.find(TESTER, 'acme')
  const issuer = await server.operations.trustedIssuers.find(TESTER, 'acme', id)
  const impatient = endOfTrust({ db, clock: server.clock.read, log: () => {} }, 0)
  t.equal((await impatient.finish(realm, issuer))?.ending, 'disable')
  await client.query('rollback')
  await until(async () => (await introspect(server, resourceServer, token)) === INACTIVE)
  t.pass('the tokens have ended')
})

t.test('a token of a request that had read all before the end is dead when it comes', async (t) => {
  const { server, other, platform, id, resourceServer } = await place(t)
  await server.operations.trustedIssuers.update(TESTER, 'acme', id, { singleUse: true })
  // The request waits after its last check, and before its token is made.
  const client = await held(t, server, 'lock table used_assertions in exclusive mode')
  const late = tokenOf(other, platform.token({ jti: 'late' }))
  await untilLocked(server.databaseUrl, 1)
  t.equal(await server.operations.trustedIssuers.delete(TESTER, 'acme', id), true)
  await client.query('rollback')
  const token = await late
  t.ok(token, 'it was let in')
  t.equal(await introspect(server, resourceServer, token), INACTIVE)
})

t.test('nothing is let in while the end of an issuer waits for its accounts', async (t) => {
  const { server, other, platform, id, clientId } = await place(t)
  t.equal(await statusOf(other, platform.token()), 200)
  const client = await held(t, server, 'select from service_accounts where client_id = $1 for update', [
    clientId,
  ])
  const ending = server.operations.trustedIssuers.delete(TESTER, 'acme', id)
  await untilLocked(server.databaseUrl, 1)
  t.equal(await statusOf(other, platform.token()), 400)
  await client.query('rollback')
  t.equal(await ending, true)
})

/** A transaction that holds something until it is rolled back. */
async function held(t: Test, { databaseUrl }: TestServer, statement: string, values: unknown[] = []) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin')
  await client.query(statement, values)
  return client
}
