import t from 'tap'
import { ARGON2_COST } from '../../src/crypto/argon2-pool.ts'
import { mintmark } from '../support/command.ts'
import { HYDRA_SECRETS, hydraDatabase } from '../support/hydra-database.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const JWK = { kty: 'EC', crv: 'P-256', kid: 'k1', use: 'sig', alg: 'ES256' }
const P256 = {
  ...JWK,
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}

const hydra = await hydraDatabase(t)
const { pbkdf2, bcrypt } = HYDRA_SECRETS
await hydra.insert(
  { id: 'a', client_name: 'Billing', scope: 'orders', audience: ['https://api.test'], owner: 'team' },
  { id: 'b', client_name: 'Billing', client_secret: bcrypt.hash },
  {
    id: 'k',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [P256] },
  },
  { id: 'u', token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://keys.test/jwks' },
  { id: 'web', grant_types: ['authorization_code'] },
)

const databaseUrl = await testDatabase(t)
// Commands hash at the real cost, and compare with what the server stored.
const { operations } = await testServer(t, { databaseUrl, hashCost: ARGON2_COST })
await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 2000 })
const env = onDatabase(databaseUrl)

const run = (...args: string[]) =>
  mintmark(['import', 'hydra', '--realm=acme', `--dsn=${hydra.dsn}`, '--json', ...args], env)
const answer = async (...args: string[]) => {
  const { stdout, stderr } = await run(...args)
  return JSON.parse(stdout || stderr)
}
const isGood = (clientId: string, clientSecret: string) =>
  operations.clients.authenticate('acme', { clientId, clientSecret }, '192.0.2.1').then(
    () => true,
    () => false,
  )

t.test('a dry run changes nothing and tells all', async (t) => {
  t.match(await answer('--dry-run'), {
    dry_run: true,
    accounts: ['a', 'b', 'k', 'u'],
    without_secret: 0,
    added: { scopes: ['orders'], audiences: ['https://api.test'] },
    left: [{ client_id: 'web' }],
  })
  t.equal((await operations.accounts.list(TESTER, 'acme', { after: '', limit: 10 })).items.length, 0)
})

t.test('clients of Hydra keep their secrets of both hashers and their keys', async (t) => {
  t.match(await answer(), { created: 4, refused: 0 })
  t.ok(await isGood('a', pbkdf2.secret))
  t.ok(await isGood('b', bcrypt.secret))
  t.notOk(await isGood('b', pbkdf2.secret))
  t.notOk(await isGood('a', ''))
  t.match(await operations.accounts.find(TESTER, 'acme', 'a'), {
    name: 'Billing',
    roles: [],
    scopes: ['orders'],
    metadata: { owner: 'team' },
  })
  t.equal((await operations.accounts.find(TESTER, 'acme', 'b')).name, 'b', 'the name is taken')
  t.same((await operations.accounts.find(TESTER, 'acme', 'k')).authMethods, ['private_key_jwt'])
  t.match(await operations.clientKeys.list(TESTER, 'acme', 'k'), [{ kid: 'k1', algorithm: 'ES256' }])
  t.match(await operations.accounts.find(TESTER, 'acme', 'u'), { jwksUri: 'https://keys.test/jwks' })
  t.notOk(await isGood('k', pbkdf2.secret), 'the hash of a client with a key is no secret')
})

t.test('the same import again changes nothing, and roles that were given here stay', async (t) => {
  await operations.accounts.update(TESTER, 'acme', 'a', { roles: ['operate'] })
  t.match(await answer(), { created: 0, updated: 0, unchanged: 4, added: { scopes: [], audiences: [] } })
  t.same((await operations.accounts.find(TESTER, 'acme', 'a')).roles, ['operate'])
})

t.test('what changed in Hydra meanwhile comes along', async (t) => {
  await hydra.run(
    `update hydra_client set client_secret = '${bcrypt.hash}', scope = 'orders invoices' where id = 'a'`,
  )
  t.match(await answer(), { updated: 1, unchanged: 3, added: { scopes: ['invoices'] } })
  t.ok(await isGood('a', bcrypt.secret))
  t.notOk(await isGood('a', pbkdf2.secret))
})

t.test('a pattern chooses clients', async (t) => {
  t.same((await answer('--dry-run', '--only=?')).accounts, [])
  t.same((await answer('--dry-run', '--only=*b')).accounts, ['b'])
})

t.test('clients of several networks are refused until one is named', async (t) => {
  const nid = '00000000-0000-4000-8000-000000000001'
  await hydra.insert({ id: 'a', nid })
  const refused = await answer('--dry-run')
  t.match(refused, { code: 'invalid', detail: new RegExp(`--network: ${nid} \\(clients: 1\\), d9884476`) })
  t.same((await answer('--dry-run', `--network=${nid.toUpperCase()}`)).accounts, ['a'])
  t.match(await answer('--dry-run', '--network=x'), { code: 'not_found' })
  await hydra.run(`delete from hydra_client where nid = '${nid}'`)
})

t.test('more than a page of clients comes whole', async (t) => {
  await hydra.run(`
    insert into hydra_client (id, nid, client_secret)
    select 'many-' || n, (select min(nid::text)::uuid from hydra_client), 'x' from generate_series(1, 1100) n`)
  t.equal((await answer('--dry-run', '--only=many-*')).accounts.length, 1100)
})

t.test('nothing is written to Hydra’s database', async (t) => {
  await hydra.run(
    'create function no() returns trigger language plpgsql as $$ begin raise exception $q$written$q$; end $$',
  )
  await hydra.run('create trigger no before insert or update or delete on hydra_client execute function no()')
  t.match(await answer('--dry-run'), { dry_run: true })
})

t.test('a DSN on standard input is read, and one with a password is refused in the arguments', async (t) => {
  const read = (input: string, dsn = '-') =>
    mintmark(['import', 'hydra', '--realm=acme', `--dsn=${dsn}`, '--dry-run'], env, { input })
  t.match(await read(`${hydra.dsn}\n`), { code: 0 })
  const refused = await read('', 'postgres://me:very-secret@127.0.0.1/hydra')
  t.equal(refused.code, 2)
  t.match(refused.stderr, /leave the password out of --dsn/)
  t.notMatch(refused.stderr, /very-secret/)
  t.match(await read('', 'postgres://me@127.0.0.1/hydra?password=very-secret'), { code: 2 })
})

t.test('another database, an older schema or a server that is away is told with what to do', async (t) => {
  const told = async (dsn: string) => {
    const { code, stderr } = await mintmark(
      ['import', 'hydra', '--realm=acme', '--dsn=-', '--dry-run'],
      env,
      { input: dsn },
    )
    t.notMatch(stderr, /very-secret|unexpected/, 'no secret and no stack')
    return { code, stderr }
  }
  t.match(await told(databaseUrl), { code: 1, stderr: /no table hydra_client/ })
  t.match(await told('mysql://me:very-secret@tcp(h:3306)/hydra'), {
    code: 1,
    stderr: /MySQL.*import accounts/,
  })
  t.match(await told('sqlite:///x.db?very-secret'), { code: 1, stderr: /SQLite/ })
  t.match(await told('memory'), { code: 1, stderr: /in memory/ })
  t.match(await told('very-secret'), { code: 1, stderr: /is like postgres:/ })
  t.match(await told('postgres://me:very-secret@127.0.0.1:1/x'), { code: 6, stderr: /ECONNREFUSED/ })
  const older = await hydraDatabase(t)
  t.match(await told(older.dsn), { code: 3, stderr: /no clients in hydra_client/ })
  await older.run('alter table hydra_client drop column nid')
  t.match(await told(older.dsn), { code: 1, stderr: /has no nid: it is not of Hydra 2.*hydra migrate sql/ })
})
