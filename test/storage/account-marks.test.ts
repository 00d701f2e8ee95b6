import pg from 'pg'
import t, { type Test } from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { TESTER, testServer } from '../support/server.ts'

/** What the version before writes. */
const OLD_ACCOUNT = `insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
  select id, $1, $1, $1, '{}', $2, '2020-01-01', '2020-01-01' from realms where name = 'acme'`
const OLD_USE = `insert into last_uses as noted (realm_id, client_id, secret_id, used_at, address, scope)
  select id, $1, 's', $2, '', '' from realms where name = 'acme'
  on conflict (realm_id, client_id, secret_id) do update set used_at = excluded.used_at`

async function acme(t: Test) {
  const databaseUrl = await testDatabase(t)
  const server = await testServer(t, { databaseUrl })
  await server.operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const rows = async (table: string) =>
    (await client.query(`select client_id from ${table} order by 1`)).rows.map((row) => row.client_id)
  return { ...server, databaseUrl, client, rows }
}

t.test('an account is marked as never used until its first use, whichever version makes it', async (t) => {
  const { operations, client, rows } = await acme(t)
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await client.query(OLD_ACCOUNT, ['old', 1_000_001])
  await client.query(OLD_ACCOUNT, ['used', 1_000_002])
  await client.query(OLD_USE, ['used', '2020-02-01'])
  t.same(await rows('never_used_accounts'), ['old', account.clientId].sort())
  t.ok(clientSecret)
  await client.query(OLD_USE, ['old', new Date()])
  t.same(await rows('never_used_accounts'), [account.clientId])
  await operations.accounts.delete(TESTER, 'acme', account.clientId)
  t.same(await rows('never_used_accounts'), [])
})

t.test('accounts and uses of one statement are marked, each as its own', async (t) => {
  const { client, rows } = await acme(t)
  const made = ['a', 'b', 'c', 'd'].map((id, at) => `('${id}', ${1_000_001 + at})`).join()
  await client.query(`insert into service_accounts
    (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
    select r.id, n.id, n.id, n.id, '{}', n.at, now(), now() from realms r, (values ${made}) n(id, at) where r.name = 'acme'`)
  t.same(await rows('never_used_accounts'), ['a', 'b', 'c', 'd'])
  await client.query(OLD_USE, ['a', new Date()])
  t.same(await rows('never_used_accounts'), ['b', 'c', 'd'])
  // One was used before: it is changed, the others are added.
  await client.query(`insert into last_uses as noted (realm_id, client_id, secret_id, used_at, address, scope)
    select r.id, n.id, 's', now(), '', '' from realms r, (values ('a'), ('b'), ('d')) n(id) where r.name = 'acme'
    on conflict (realm_id, client_id, secret_id) do update set used_at = excluded.used_at`)
  t.same(await rows('never_used_accounts'), ['c'])
})

t.test('a first use waits for no one who deletes the account', async (t) => {
  const { databaseUrl, client, rows } = await acme(t)
  await client.query(OLD_ACCOUNT, ['a', 1_000_001])
  const other = new pg.Client(databaseUrl)
  await other.connect()
  t.teardown(() => other.end())
  await other.query('begin; delete from never_used_accounts')
  await client.query("set statement_timeout = '5s'")
  await client.query(OLD_USE, ['a', new Date()])
  await other.query('rollback')
  t.same(await rows('never_used_accounts'), ['a'], 'a mark too many does no harm')
})

t.test(
  'the month of a last use follows the use, and is none where the version before wrote it',
  async (t) => {
    const { operations, client, clock } = await acme(t)
    const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    const of = { realmId: '', clientId: account.clientId, secretId: 's', address: '', scope: '' }
    const { rows: realms } = await client.query("select id from realms where name = 'acme'")
    const use = async () => {
      operations.uses.note({ ...of, realmId: realms[0].id })
      await operations.uses.write()
      const { rows } = await client.query('select used_at, used_month::text as month from last_uses')
      t.equal(rows.length, 1)
      t.equal(rows[0].month, `${rows[0].used_at.toISOString().slice(0, 7)}-01`)
    }
    await use()
    clock.advance(40 * 86_400)
    await use()
  },
)

t.test('the end of an account is found by its date as long as it has one', async (t) => {
  const { operations, client, rows } = await acme(t)
  const soon = new Date('2099-01-01T00:00:00Z')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI', expiresAt: soon })
  await operations.accounts.create(TESTER, 'acme', { name: 'without' })
  t.same(await rows('account_ends'), [account.clientId])
  const later = new Date('2100-01-01T00:00:00Z')
  const update = (expiresAt: Date | null) =>
    operations.accounts.update(TESTER, 'acme', account.clientId, { expiresAt })
  await update(later)
  t.same((await client.query('select expires_at from account_ends')).rows, [{ expires_at: later }])
  await update(null)
  t.same(await rows('account_ends'), [])
  await update(soon)
  await operations.accounts.delete(TESTER, 'acme', account.clientId)
  t.same(await rows('account_ends'), [])
})
