import pg from 'pg'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { explain, recordStatements } from '../support/query-plans.ts'
import { TESTER, testServer } from '../support/server.ts'

/** Pages of 8 KiB that one statement may read: ten for each of fifty devices, and five for each of a thousand that are searched. */
const MAX_PAGES = { list: 500, search: 5000 }

t.test('pages of devices, of a group and of who may do what are read by index', async (t) => {
  const connectionString = await testDatabase(t)
  const client = new pg.Client(connectionString)
  await client.connect()
  t.teardown(() => client.end())
  const { operations } = await testServer(t, { databaseUrl: connectionString })
  const { id } = await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await client.query(`insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
    select ${id}, 'device', 'd' || n, 'Device ' || n, 'device ' || n || E'\\nd' || n, now(), now()
    from generate_series(1, 40000) n`)
  await client.query(`insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
    select ${id}, 'device_group', 'g' || n, 'g', 'g', now(), now() from generate_series(0, 1) n`)
  await client.query(`insert into protected_resource_groups
    select ${id}, 'device', 'd' || n, 'device_group', 'g' || (n % 2) from generate_series(1, 40000) n`)
  await client.query(`insert into grants (realm_id, client_id, type, id, role, created_at)
    select ${id}, '${account.clientId}', 'device', 'd' || n, 'view', now() from generate_series(1, 9000) n`)
  // Thousands may do something on one device, on the group that it is in, or on both.
  await client.query(`insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at)
    select ${id}, 'sa' || 10000 + n, 'n' || n, 'n' || n, '{}', 10000000 + n, now(), now() from generate_series(1, 3000) n`)
  await client.query(`insert into grants (realm_id, client_id, type, id, role, created_at)
    select ${id}, 'sa' || 10000 + n, type, place, role, now()
    from generate_series(1, 3000) n, unnest(array['view', 'rare']) role, (values ('device', 'd78'), ('device_group', 'g0')) held(type, place)
    where role = 'view' or n % 500 = 0`)
  await client.query('analyze')
  const group = { type: 'device_group', id: 'g1' }
  const device = { type: 'device', id: 'd77' }
  const { resources, grants } = operations
  const statements = await recordStatements(async () => {
    const list = (more: object) => resources.list(TESTER, 'acme', { limit: 50, ...more })
    for (const after of [undefined, 'device/d30000']) {
      t.equal((await list({ after })).items.length, 50)
      t.equal((await list({ after, type: 'device' })).items.length, 50)
      t.equal((await list({ after, group })).items.length, 50)
      t.equal((await list({ after, group, contains: 'device' })).items.length, 50)
    }
    t.match(await resources.usesOf(TESTER, 'acme', [device, group]), [
      { grants: 1, accounts: 1, members: 0 },
      { grants: 0, members: 20_000 },
    ])
    const held = { type: 'device', id: 'd78' }
    for (const after of [undefined, 'sa12000/view/device_group/g0']) {
      const { items } = await grants.listOn(TESTER, 'acme', held, { limit: 50, after })
      t.equal(items.length, 50)
      t.ok(items.every(({ clientId }) => after === undefined || clientId > 'sa12000'))
    }
    const rare = await grants.listOn(TESTER, 'acme', { ...group, id: 'g0' }, { limit: 50, role: 'rare' })
    t.same(
      rare.items.map(({ clientId }) => clientId),
      ['sa10500', 'sa11000', 'sa11500', 'sa12000', 'sa12500', 'sa13000'],
    )
  })
  t.ok(
    statements.some(({ values }) => values.includes(1000)),
    'one is a search',
  )
  const read = statements.filter(({ text }) =>
    /from (protected_resource|grants|unnest)|with scanned/.test(text),
  )
  t.ok(read.length >= 6, `${read.length} statements`)
  for (const statement of read) {
    const { pages, plan } = await explain(client, statement, false)
    t.notMatch(JSON.stringify(plan), /"Seq Scan"/, statement.text)
    const most = statement.values.includes(1000) ? MAX_PAGES.search : MAX_PAGES.list
    t.ok(pages <= most, `${pages} pages: ${statement.text}`)
  }
  const pagesOf = async (during: () => Promise<{ readonly items: readonly unknown[] }>) => {
    const sent = await recordStatements(async () => {
      t.equal((await during()).items.length, 50)
    })
    const listing = sent.filter(({ text }) => /from "?(grants|protected_resource)|with scanned/.test(text))
    t.ok(listing.length > 0)
    let pages = 0
    for (const one of listing) pages += (await explain(client, one, false)).pages
    return pages
  }
  const lists: [string, string, (query: object) => Promise<{ items: readonly unknown[] }>][] = [
    ['devices', 'device/d4', (query) => resources.list(TESTER, 'acme', { limit: 50, ...query })],
    [
      'devices by a word',
      'device/d4',
      (query) => resources.list(TESTER, 'acme', { limit: 50, contains: 'device', ...query }),
    ],
    [
      'devices of a group',
      'device/d4',
      (query) => resources.list(TESTER, 'acme', { limit: 50, group, ...query }),
    ],
    [
      'grants on devices',
      'view/device/d8',
      (query) => grants.list(TESTER, 'acme', account.clientId, { limit: 50, ...query }),
    ],
  ]
  for (const [name, after, list] of lists)
    for (const type of [undefined, 'device']) {
      const first = await pagesOf(() => list({ type }))
      const deep = await pagesOf(() => list({ type, after }))
      t.ok(deep <= first + 20, `${name}, ${type}: a deep page reads ${deep} pages, the first one ${first}`)
    }
})
