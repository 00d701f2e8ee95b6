import pg from 'pg'
import t from 'tap'
import { TESTER, testServer } from '../support/server.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('the last use of account and secret is known to the minute once it is written', async (t) => {
  const { app, operations, clock } = await testServer(t)
  clock.now = new Date('2026-05-05T10:20:30Z')
  await operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const use = () =>
    app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: FORM,
      remoteAddress: '192.0.2.9',
      payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`,
    })
  const find = () => operations.accounts.find(TESTER, 'acme', clientId)
  await use()
  t.equal((await find()).lastUsedAt, undefined, 'a token request writes nothing')
  await operations.uses.write()
  const used = await find()
  t.match(used, { lastUsedAddress: '192.0.2.9', lastUsedScope: 'view', version: account.version })
  t.equal(used.lastUsedAt?.toISOString(), '2026-05-05T10:20:00.000Z')
  const [secret] = await operations.secrets.list(TESTER, 'acme', clientId)
  t.equal(secret?.lastUsedAt?.toISOString(), '2026-05-05T10:20:00.000Z')

  await operations.uses.write()
  clock.advance(60)
  await use()
  await operations.uses.write()
  t.equal((await find()).lastUsedAt?.toISOString(), '2026-05-05T10:21:00.000Z')
})

t.test('a busy account is written once a minute, and again after a write that failed', async (t) => {
  const server = await testServer(t)
  const { operations, clock } = server
  clock.now = new Date('2026-05-05T10:20:30Z')
  const realm = await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const [secret] = await operations.secrets.list(TESTER, 'acme', account.clientId)
  const use = { realmId: realm.id, clientId: account.clientId, secretId: secret?.id as string }
  const ask = () => operations.uses.note({ ...use, address: '192.0.2.1', scope: 'view' })
  ask()
  const restore = await server.cutDatabase()
  await t.rejects(operations.uses.write())
  await restore()
  t.equal(await operations.uses.write(), 1)
  ask()
  clock.advance(29)
  ask()
  t.equal(await operations.uses.write(), 0, 'this minute is written')
  clock.advance(1)
  ask()
  t.equal(await operations.uses.write(), 1, 'the next one is not')
  const { lastUsedAt } = await operations.accounts.find(TESTER, 'acme', account.clientId)
  t.equal(lastUsedAt?.toISOString(), '2026-05-05T10:21:00.000Z')
})

t.test('uses that cannot be written now are written later', async (t) => {
  const { operations, databaseUrl, clock } = await testServer(t)
  const realm = await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const [secret] = await operations.secrets.list(TESTER, 'acme', account.clientId)
  const use = { realmId: realm.id, clientId: account.clientId, secretId: secret?.id as string }
  const other = await testServer(t, { databaseUrl, clock })
  other.operations.uses.note({ ...use, address: '192.0.2.1', scope: 'view' })
  const restore = await other.cutDatabase()
  await t.rejects(other.operations.uses.write())
  await restore()
  await other.operations.uses.write()
  t.ok((await other.operations.accounts.find(TESTER, 'acme', account.clientId)).lastUsedAt)
})

t.test('uses of a realm that is held are written later, and those of the others now', async (t) => {
  const server = await testServer(t)
  const { operations, databaseUrl } = server
  const made: { realmId: string; clientId: string; secretId: string }[] = []
  for (const name of ['acme', 'beta']) {
    const realm = await operations.realms.create(TESTER, name)
    const { account } = await operations.accounts.create(TESTER, name, { name: 'CI' })
    const [secret] = await operations.secrets.list(TESTER, name, account.clientId)
    made.push({ realmId: realm.id, clientId: account.clientId, secretId: secret?.id as string })
  }
  const noteAll = (address: string) => {
    for (const use of made) operations.uses.note({ ...use, address, scope: 'view' })
  }
  const addressOf = async (name: string, n: number) =>
    (await operations.accounts.find(TESTER, name, made[n]?.clientId as string)).lastUsedAddress
  noteAll('192.0.2.1')
  t.equal(await operations.uses.write(), 2)

  // As one that deletes the realm does.
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin')
  await client.query('delete from last_uses where realm_id = $1', [made[0]?.realmId])
  server.clock.advance(60)
  noteAll('192.0.2.2')
  t.equal(await operations.uses.write(), 1)
  t.equal(await addressOf('beta', 1), '192.0.2.2')
  await client.query('rollback')
  t.equal(await operations.uses.write(), 1)
  t.equal(await addressOf('acme', 0), '192.0.2.2')
})

t.test(
  'an account keeps its last use when the secret is replaced, and nothing is kept of a deleted account',
  async (t) => {
    const { operations, databaseUrl, clock } = await testServer(t)
    const realm = await operations.realms.create(TESTER, 'acme')
    const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    const { clientId } = account
    const client = new pg.Client(databaseUrl)
    await client.connect()
    t.teardown(() => client.end())
    const kept = async () => (await client.query('select used_at from last_uses')).rows.length
    const use = async (scope: string) => {
      const [secret] = await operations.secrets.list(TESTER, 'acme', clientId)
      const secretId = secret?.id as string
      operations.uses.note({ realmId: realm.id, clientId, secretId, address: '192.0.2.1', scope })
      await operations.uses.write()
    }
    for (const scope of ['first', 'second', 'third']) {
      await use(scope)
      t.equal((await operations.accounts.find(TESTER, 'acme', clientId)).lastUsedScope, scope)
      await operations.secrets.reset(TESTER, 'acme', clientId)
      t.equal((await operations.accounts.find(TESTER, 'acme', clientId)).lastUsedScope, scope)
      const [fresh] = await operations.secrets.list(TESTER, 'acme', clientId)
      t.equal(fresh?.lastUsedAt, undefined, 'a new secret has not been used')
      clock.advance(60)
    }
    t.equal(await kept(), 1)
    await operations.accounts.delete(TESTER, 'acme', clientId)
    t.equal(await kept(), 0)
    operations.uses.note({ realmId: realm.id, clientId, secretId: 'x', address: '192.0.2.1', scope: 'view' })
    await operations.uses.write()
    t.equal(await kept(), 0, 'a use that is written after the deletion leaves nothing')
  },
)

t.test('the last use of each of many accounts is stored', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  const realm = await operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query(
    `insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
     select $1, 'its-own-' || n, 'CI ' || n, 'ci ' || n, '{}', n, now(), now() from generate_series(1, 2500) n`,
    [realm.id],
  )
  for (const scope of ['view', 'view admin']) {
    for (let n = 1; n <= 2500; n++)
      operations.uses.note({
        realmId: realm.id,
        clientId: `its-own-${n}`,
        secretId: `secret${n}`,
        address: n % 2 ? '192.0.2.1' : '192.0.2.2',
        scope,
      })
  }
  await operations.uses.write()
  const { rows } = await client.query(
    `select count(*)::int as n, count(distinct client_id)::int as clients, address, min(secret_id) as secret
     from last_uses where scope = 'view admin' group by address order by address`,
  )
  t.same(rows, [
    { n: 1250, clients: 1250, address: '192.0.2.1', secret: 'secret1' },
    { n: 1250, clients: 1250, address: '192.0.2.2', secret: 'secret10' },
  ])
})
