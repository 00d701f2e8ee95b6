import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { RealmFileError } from '../../src/domain/realm-file-fault.ts'
import { untilLocked } from '../support/postgres.ts'
import { launch, onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const file = (text: string) => [{ name: undefined, text }]

/** Holds rows until it is told otherwise. */
async function holding(t: Parameters<typeof testServer>[0], databaseUrl: string, statement: string) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin')
  await client.query(statement)
  return () => client.query('commit')
}

t.test('several nodes apply one file at once', async (t) => {
  const first = await testServer(t)
  const second = await testServer(t, { databaseUrl: first.databaseUrl })
  const text = `realm: acme
service_accounts: [${Array.from({ length: 20 }, (_, n) => `{ client_id: a${n} }`).join(', ')}]
`
  const plans = await Promise.all(
    [first, second, first, second].map(({ operations }) => operations.realmFiles.apply(TESTER, file(text))),
  )
  const sizes = plans.map(([plan]) => plan?.changes.length).sort()
  t.same(sizes, [0, 0, 0, 21], 'one does it, and the others find it done')
})

t.test('files that name several realms in any order do not block each other for ever', async (t) => {
  const { operations } = await testServer(t)
  const text = (n: number, realms: string[]) =>
    realms.map((realm) => `realm: ${realm}\nservice_accounts: [{ client_id: a${n} }]\n`).join('---\n')
  await Promise.all([
    operations.realmFiles.apply(TESTER, file(text(1, ['a', 'b']))),
    operations.realmFiles.apply(TESTER, file(text(2, ['b', 'a']))),
  ])
  for (const realm of ['a', 'b'])
    t.equal((await operations.realms.find(TESTER, realm)).serviceAccountCount, 2)
})

t.test('administrators and files see whole states of each other', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { roles: ['a', 'b'] })
  const entry = (role: string, n: number) => ({ client_id: `c${n}`, roles: [role] })
  const text = (role: string) =>
    JSON.stringify({ realm: 'acme', service_accounts: [1, 2, 3, 4].map((n) => entry(role, n)) })
  await operations.realmFiles.apply(TESTER, file(text('a')))
  const seen = new Set<string>()
  let isDone = false
  const reading = (async () => {
    while (!isDone) {
      const { service_accounts: accounts = [] } = await operations.realmFiles.export(TESTER, 'acme')
      seen.add(accounts.map(({ roles }) => roles?.join()).join(' '))
    }
  })()
  for (let n = 0; n < 5; n++) {
    await operations.realmFiles.apply(TESTER, file(text('b')))
    await operations.realmFiles.apply(TESTER, file(text('a')))
  }
  isDone = true
  await reading
  for (const state of seen) t.match(state, /^(a a a a|b b b b)$/)
})

t.test('a change that began before a file is in what the file is compared with', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.accounts.import(TESTER, 'acme', [{ client_id: 'x', name: 'x' }])
  const release = await holding(
    t,
    databaseUrl,
    "update service_accounts set name = 'y', name_key = 'y' where client_id = 'x'",
  )
  const change = operations.accounts.update(TESTER, 'acme', 'x', { description: 'by an administrator' })
  await untilLocked(databaseUrl, 1)
  const applied = operations.realmFiles.apply(
    TESTER,
    file('realm: acme\nservice_accounts: [{ client_id: x, description: by a file }]\n'),
  )
  await untilLocked(databaseUrl, 2)
  await release()
  await change
  const [plan] = await applied
  t.match(plan?.changes, [
    { before: { description: 'by an administrator' }, after: { description: 'by a file' } },
  ])
})

t.test('a file whose process is killed in the middle changes nothing', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const accounts = ['a', 'b'].map((name) => ({ client_id: name, name }))
  await operations.accounts.import(TESTER, 'acme', accounts)
  const before = await operations.realmFiles.export(TESTER, 'acme')
  await holding(t, databaseUrl, "select from service_accounts where client_id = 'b' for update")
  const text =
    'realm: acme\nroles: [new]\nservice_accounts: [{ client_id: a, name: A }, { client_id: b, name: B }]\n'
  const { child, ended } = launch(['apply', '-f', '-'], onDatabase(databaseUrl))
  child.stdin?.end(text)
  await untilLocked(databaseUrl, 1)
  child.kill('SIGKILL')
  t.equal((await ended).code, null)
  // PostgreSQL notices when it writes to the connection, or the statement's limit ends it.
  while ((await openTransactions(databaseUrl)) > 1) await sleep(20)
  t.same(await operations.realmFiles.export(TESTER, 'acme'), before)
})

async function openTransactions(databaseUrl: string): Promise<number> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    const { rows } = await client.query(`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`)
    return rows[0].n
  } finally {
    await client.end()
  }
}

t.test('an issuer that a file ends takes the tokens of its accounts with it', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const { issuer } = await operations.trustedIssuers.create(TESTER, 'acme', { preset: 'github' })
  const { account } = await operations.accounts.create(TESTER, 'acme', {
    name: 'ci',
    authMethods: ['federated'],
  })
  await operations.workloadIdentities.create(TESTER, 'acme', account.clientId, {
    trustedIssuer: issuer.id,
    rules: [{ claim: 'sub', equals: 'repo:acme/x:ref:refs/heads/main' }],
  })
  await operations.realmFiles.apply(TESTER, file('realm: acme\ntrusted_issuers: []\n'), { prune: true })
  t.same(await operations.trustedIssuers.list(TESTER, 'acme'), [])
  t.same(await operations.workloadIdentities.list(TESTER, 'acme', account.clientId), [])
  const after = await operations.accounts.find(TESTER, 'acme', account.clientId)
  t.not(after.statusIndex, account.statusIndex)
})

t.test('an administrator of the realm applies its file, and no other', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.realms.create(TESTER, 'other')
  const admin = { ...TESTER, authority: { platform: false, realm: 'acme', access: 'administer' } } as const
  await operations.realmFiles.apply(admin, file('realm: acme\nservice_accounts: [{ client_id: a }]\n'))
  for (const realm of ['other', 'unknown'])
    await t.rejects(operations.realmFiles.apply(admin, file(`realm: ${realm}\n`)), { code: 'not_found' })
  const limited = operations.realmFiles.apply(admin, file('realm: acme\nservice_account_limit: 1000\n'))
  await t.rejects(limited, RealmFileError)
})
