import pg from 'pg'
import t, { type Test } from 'tap'
import { TESTER, testServer } from '../support/server.ts'

// A statement has 1.4 seconds, which 2,000 rows with all that cascades from them need on no machine.
const MANY = 10_000
const MOST = 2000

/** A database that ends a statement which writes too many rows: a test by time would be one of the machine. */
async function largeRealm(t: Test) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const of = "(select id from realms where name = 'acme')"
  const n = `generate_series(1, ${MANY}) n`
  await client.query(`
    insert into status_indexes (realm_id, status_index) select ${of}, n from ${n};
    insert into service_accounts (realm_id, client_id, name, name_key, roles, created_at, updated_at, status_index)
      select ${of}, 'sa_' || n, 'n' || n, 'n' || n, '{}', now(), now(), n from ${n};
    insert into client_secrets (realm_id, client_id, id, phc, last_four, created_at)
      select ${of}, 'sa_' || n, 's', '', '', now() from ${n};
    insert into last_uses (realm_id, client_id, secret_id, used_at, address, scope)
      select ${of}, 'sa_' || n, 's', now(), '', '' from ${n};
    insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
      select ${of}, 'device', n, '', '', now(), now() from ${n};
    insert into grants (realm_id, client_id, type, id, role, created_at)
      select ${of}, 'sa_' || n, 'device', m, 'view', now() from ${n}, generate_series(1, 2) m;
    create function refuse_many() returns trigger language plpgsql as $$ begin
      if (select count(*) from before) > ${MOST} then raise 'too many % of %', tg_op, tg_table_name; end if;
      return null;
    end $$;
    create trigger refuse_many after update on service_accounts referencing old table as before
      execute function refuse_many()`)
  for (const table of TABLES)
    await client.query(`create trigger refuse_many_deleted after delete on ${table}
      referencing old table as before execute function refuse_many()`)
  const count = async (table: string, where: string) =>
    Number((await client.query(`select count(*) from ${table} where ${where}`)).rows[0].count)
  const rows = async (text: string) => (await client.query(text)).rows
  return { ...server, count, rows }
}

const TABLES = ['service_accounts', 'client_secrets', 'status_indexes', 'last_uses', 'protected_resources']

t.test('a realm is deleted at once, however much is in it', async (t) => {
  const { operations, count, rows } = await largeRealm(t)
  await operations.realms.create(TESTER, 'other')
  const { account } = await operations.accounts.create(TESTER, 'other', { name: 'CI' })
  await operations.realms.delete(TESTER, 'acme')
  await t.rejects(operations.realms.find(TESTER, 'acme'), { code: 'not_found' })
  await t.rejects(operations.publishedRealms.find('acme'))
  const [left] = await rows("select name from realms where name like '-deleted-%'")
  t.ok(left, 'more than is cleared away at once')
  for (const name of [left?.name, '-deleted-1']) {
    await t.rejects(operations.realms.find(TESTER, name), { code: 'not_found' })
    await t.rejects(operations.realms.create(TESTER, name), { code: 'invalid' })
    await t.rejects(operations.publishedRealms.find(name))
  }
  t.notOk(
    (await operations.realms.list(TESTER, { after: '', limit: 10 })).items.some(
      ({ name }) => name === left?.name,
    ),
  )
  await operations.realms.create(TESTER, 'acme')
  t.equal((await operations.realms.find(TESTER, 'acme')).serviceAccountCount, 0)
  await operations.realms.delete(TESTER, 'acme')
  while (await operations.expiry.deleteExpired());
  t.same(await rows("select name from realms where name like '-deleted-%'"), [])
  for (const table of [...TABLES, 'grants'])
    t.equal(await count(table, 'realm_id not in (select id from realms)'), 0, table)
  await t.resolves(operations.accounts.find(TESTER, 'other', account.clientId))
  t.equal(await count('audit_events', "action = 'realm.delete' and outcome = 'done'"), 2)
})

t.test('a resource is deleted, however many accounts have grants on it', async (t) => {
  const { operations, count } = await largeRealm(t)
  await operations.resources.delete(TESTER, 'acme', { type: 'device', id: '1' })
  t.equal(await count('grants', "id = '1'"), 0)
  t.equal(await count('service_accounts', `authorization_details like '[{%"2"%}]'`), MANY)
  t.equal(await count('service_accounts', `authorization_details like '%"1"%'`), 0)
})

t.test('whether anybody holds a role is found by an index, whatever the size of the realm', async (t) => {
  const { operations, rows } = await largeRealm(t)
  await operations.realms.update(TESTER, 'acme', { roles: ['deploy', 'unheld'] })
  await rows(`update service_accounts set roles = '{deploy}' where client_id = 'sa_7'`)
  await rows('analyze service_accounts')
  await t.rejects(operations.realms.update(TESTER, 'acme', { roles: ['unheld'] }), { code: 'conflict' })
  t.same((await operations.realms.update(TESTER, 'acme', { roles: ['deploy'] })).roles, ['deploy'])
  const [{ id }] = await rows("select id from realms where name = 'acme'")
  const plan = await rows(`explain select client_id from service_accounts where realm_id = ${id}
    and account_realm_roles(realm_id, roles) @> array['${id}/unheld'] limit 1`)
  t.match(plan.map((row: object) => Object.values(row)[0]).join('\n'), 'service_accounts_realm_roles_idx')
})
