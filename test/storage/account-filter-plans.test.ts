import pg from 'pg'
import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { explain, recordStatements } from '../support/query-plans.ts'
import { TESTER, testServer } from '../support/server.ts'

const ACCOUNTS = 30_000

const server = await testServer(t)
const { operations, databaseUrl } = server
await operations.realms.create(TESTER, 'acme', { roles: ['rare', 'common'] })
const { token } = await adminToken(server, 'acme', ['account-admin'])
const ask = asking(server, token)
const client = new pg.Client(databaseUrl)
await client.connect()
t.teardown(() => client.end())
for (const table of [
  'service_accounts',
  'client_secrets',
  'leaked_secrets',
  'last_uses',
  'never_used_accounts',
  'account_ends',
])
  await client.query(`alter table ${table} set (autovacuum_enabled = off)`)
const realmId = (await client.query("select id from realms where name = 'acme'")).rows[0].id as string
await client.query(
  `insert into service_accounts (realm_id, client_id, name, name_key, roles, status_index, created_at, updated_at, disabled_at, expires_at)
   select $1, 'c' || 100000 + i, 'n' || 100000 + i, 'n' || 100000 + i,
     case when i % 10000 = 9999 then '{rare,common}'::text[] else '{common}' end, 10000000 + i, '2020-01-01', '2020-01-01',
     case when i % 10000 = 9998 then now() end,
     case when i % 10000 = 9992 then '2020-02-01'::timestamptz when i % 2 = 0 then '2100-01-01' end
   from generate_series(1, ${ACCOUNTS}) i`,
  [realmId],
)
await client.query(
  `insert into client_secrets (realm_id, client_id, id, phc, last_four, created_at, expires_at)
   select realm_id, client_id, 's', 'x', '1234', '2020-01-01', case when client_id like '%9997' then '2100-01-01'::timestamptz
     when client_id like '%7' then '2020-01-02' end
   from service_accounts where client_id like 'c1%'`,
)
await client.query(
  `insert into leaked_secrets (realm_id, client_id, secret_id, found_at)
   select realm_id, client_id, 's', now() from service_accounts where client_id like 'c1%9996'`,
)

// Used this month, but for those that were last used or made long ago. Two have no month: the version before wrote them.
await client.query(
  `insert into last_uses (realm_id, client_id, secret_id, used_at, address, scope, used_month)
   select realm_id, client_id, secret, case when client_id ~ '999[45]$' then '2020-01-15' else now() end, '', '',
     case when client_id like '%9995' then '2020-01-01'::date when client_id !~ '999[14]$' then date_trunc('month', now()) end
   from service_accounts, unnest(array['s', 't']) secret where client_id like 'c1%' and client_id not like '%9993'`,
)
// Otherwise it has the room of the thirty thousand that have just been used for the first time.
await client.query('vacuum full never_used_accounts')

const ends = (digits: string) => [`c10${digits}`, `c11${digits}`, `c12${digits}`]

const RARE: readonly [string, RegExp, readonly string[]][] = [
  ['state=disabled', /service_accounts_disabled_idx/, ends('9998')],
  ['role=rare', /service_accounts_realm_roles_idx/, ends('9999')],
  ['rotating=true', /client_secrets_ending_idx/, ends('9997')],
  ['leaked=true', /leaked_secrets_pkey/, ends('9996')],
  ['state=ended', /account_ends_expires_at_idx/, ends('9992')],
  [
    'unused_since=2020-03-01T00:00:00Z',
    /last_uses_month_idx|never_used_accounts_created_at_idx/,
    ['c10', 'c11', 'c12'].flatMap((start) => ['9993', '9994', '9995'].map((end) => start + end)),
  ],
  [
    'client_id=c12999',
    /service_accounts_client_id_start_idx/,
    Array.from({ length: 10 }, (_, n) => `c12999${n}`),
  ],
]

const read = async (query: string) => {
  const { status, body } = await ask('GET', `/admin/realms/acme/service-accounts?limit=20&${query}`)
  t.equal(status, 200)
  return {
    ids: body.items.map(({ client_id }: { client_id: string }) => client_id) as string[],
    next: body.next_cursor as string | null,
  }
}

for (const when of ['without statistics', 'after analyze'])
  t.test(`accounts that are few among many are found by an index, ${when}`, async (t) => {
    if (when === 'after analyze') await client.query('vacuum analyze')
    for (const [query, index, expected] of RARE) {
      let ids: string[] = []
      const statements = await recordStatements(async () => {
        const page = await read(query)
        ids = page.ids
        t.equal(page.next, null, 'one request ends the search')
      })
      t.same(ids, expected, query)
      const candidates = statements.filter(({ text }) => / limit \$\d+$/.test(text) && !/order by/.test(text))
      t.equal(candidates.length, 1, query)
      for (const statement of candidates) {
        const { pages, indexes, plan } = await explain(client, statement, false)
        if (pages > 1 && (pages > 200 || !indexes.some((name) => index.test(name))))
          t.fail(`${pages} pages by ${indexes}: ${statement.text}`, { plan })
      }
      const among = statements.filter(({ text }) => text.includes(' c(id) '))
      t.equal(among.length, 1)
      for (const statement of among) {
        const { pages, plan } = await explain(client, statement, false)
        if (pages > 200) t.fail(`${pages} pages: ${statement.text}`, { plan })
      }
    }
  })

t.test('accounts that are many are read in order of name, page by page to the end', async (t) => {
  const found = new Set<string>()
  let pages = 0
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const answer = await ask(
      'GET',
      `/admin/realms/acme/service-accounts?limit=1000&role=common&state=enabled&search=9${cursor && `&cursor=${cursor}`}`,
    )
    for (const { client_id } of answer.body.items) {
      t.notOk(found.has(client_id))
      found.add(client_id)
    }
    cursor = answer.body.next_cursor
  }
  const { rows } = await client.query(
    "select count(*)::int as n from service_accounts where client_id like 'c%9%' and disabled_at is null and (expires_at is null or expires_at > now())",
  )
  t.equal(found.size, rows[0].n)
  t.ok(pages >= rows[0].n / 1000)
})
