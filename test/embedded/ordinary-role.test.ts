import pg from 'pg'
import t from 'tap'
import { openCluster } from '../../src/embedded/embedded-cluster.ts'
import { openEmbeddedPostgres } from '../../src/embedded/embedded-postgres.ts'
import { findPostmaster, startPostmaster, stopPostmaster } from '../../src/embedded/postmaster.ts'
import { dataDirMaker, query, until } from '../support/embedded.ts'

const makeDataDir = await dataDirMaker(t)
const silent = () => {}

const ROLE =
  'select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as mighty from pg_roles'

/** A session of the version before, which is one of a superuser. */
async function versionBefore(dataDir: string) {
  const cluster = await openCluster(dataDir)
  await startPostmaster(cluster)
  const { connectionString } = cluster
  await until(() => query({ connectionString }, 'select 1').then(Boolean, () => false))
  const client = new pg.Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  return { cluster, client }
}

t.test('the server connects as an ordinary role that owns its database', async (t) => {
  const embedded = await openEmbeddedPostgres(makeDataDir(t), silent)
  t.teardown(() => embedded.close())
  t.same(await query(embedded, `${ROLE} where rolname = current_user`), { mighty: false })
  const owner =
    'select datdba = current_user::regrole as own from pg_database where datname = current_database()'
  t.same(await query(embedded, owner), { own: true })
  await query(embedded, 'create table x (id bigint generated always as identity)')
  for (const statement of [
    `copy (select 1) to program 'true'`,
    `select pg_read_file('PG_VERSION')`,
    `select pg_ls_dir('.')`,
    'select rolpassword from pg_authid',
    'create role other superuser',
    'alter role current_user superuser',
    'set role mintmark_superuser',
    'alter system set fsync = off',
    'create extension adminpack',
    `create function f() returns int language c as 'x'`,
  ])
    await t.rejects(
      query(embedded, statement),
      /permission denied|must be|is not available|only roles with/i,
      statement,
    )
})

t.test('no password opens the superuser', async (t) => {
  const dataDir = makeDataDir(t)
  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.teardown(() => embedded.close())
  const connectionString = embedded.connectionString.replace('//mintmark:', '//mintmark_superuser:')
  await t.rejects(query({ connectionString }, 'select 1'), { code: '28P01' })
})

t.test('what a version before made belongs to the ordinary role from the next start on', async (t) => {
  const dataDir = makeDataDir(t)
  const { cluster, client } = await versionBefore(dataDir)
  await client.query(`
    create schema s;
    create type s.kind as enum ('a');
    create table s.things (id bigint generated always as identity, n serial, kind s.kind, primary key (id));
    create sequence s.numbers;
    create view s.seen as select * from s.things;
    create materialized view s.kept as select * from s.things;
    create table s.parts (id int) partition by range (id);
    create table s.part partition of s.parts for values from (1) to (2);
    create function s.f(a int, b text) returns int language sql as 'select 1';
    insert into s.things (kind) values ('a');
    create temporary table passing (id int);
  `)
  await client.end()
  await stopPostmaster(cluster)

  const embedded = await openEmbeddedPostgres(dataDir, silent)
  t.teardown(() => embedded.close())
  t.equal(
    embedded.connectionString,
    cluster.connectionString,
    'the version before gets in with what it knows',
  )
  t.same(
    await query(
      embedded,
      `select array_agg(name) as strange from (
        select oid, relowner, relname from pg_class
        union all select oid, proowner, proname from pg_proc
        union all select oid, typowner, typname from pg_type
        union all select oid, nspowner, nspname from pg_namespace where nspname !~ '^pg_'
      ) as own(oid, owner, name) where oid >= 16384 and owner = 10`,
    ),
    { strange: null },
  )
  await query(embedded, `insert into s.things (kind) values ('a')`)
  await query(embedded, 'alter table s.things add column later int')
  await query(embedded, 'drop schema s cascade')
})

t.test('a version before goes on beside the one that makes the ordinary role', async (t) => {
  const dataDir = makeDataDir(t)
  const { cluster, client } = await versionBefore(dataDir)
  await client.query('create table things (id int)')
  const all = await Promise.all(Array.from({ length: 3 }, () => openEmbeddedPostgres(dataDir, silent)))
  await client.query('insert into things values (1)')
  const fresh = new pg.Client(cluster.connectionString)
  await fresh.connect()
  t.same((await fresh.query('select * from things')).rows, [{ id: 1 }])
  t.same((await fresh.query(`${ROLE} where rolname = current_user`)).rows, [{ mighty: false }])
  for (const each of [fresh, client]) await each.end()
  await Promise.all(all.map((each) => each.close()))
  t.equal(await findPostmaster(cluster), undefined)
})

t.test('the ordinary role waits for a session that holds a table', async (t) => {
  const dataDir = makeDataDir(t)
  const { cluster, client } = await versionBefore(dataDir)
  await client.query('create table things (id int)')
  await client.query('begin')
  await client.query('lock table things')
  const opening = openEmbeddedPostgres(dataDir, silent)
  const waits = `select exists (select from pg_stat_activity where wait_event_type = 'Lock') as it`
  await until(async () => (await query(cluster, waits)).it)
  await client.query('commit')
  await client.end()
  const embedded = await opening
  t.teardown(() => embedded.close())
  t.same(await query(embedded, `${ROLE} where rolname = current_user`), { mighty: false })
})
