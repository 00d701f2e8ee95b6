import t, { type Test } from 'tap'
import { TESTER, testServer } from '../support/server.ts'

const SECRET = 'kX8-vq2W_tR7nPz4mB'
const HASH = 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA='
const OTHER = '$2y$06$j3Km6LfKbgHCZ2Pv5lxFTOetylALL8y/N6hKi0f8DFRjD6O2kHN6.'
const OTHER_SECRET = 'größe-Ω-kX8vq2WtR7'

async function importing(t: Test) {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 10, roles: ['billing'] })
  return {
    ...server,
    take: (...lines: unknown[]) => operations.accounts.import(TESTER, 'acme', lines),
    statuses: async (...lines: unknown[]) =>
      (await operations.accounts.import(TESTER, 'acme', lines)).map(({ status }) => status),
    find: (clientId: string) => operations.accounts.find(TESTER, 'acme', clientId),
    isGood: (clientId: string, clientSecret: string) =>
      operations.clients.authenticate('acme', { clientId, clientSecret }, '192.0.2.1').then(
        () => true,
        () => false,
      ),
  }
}

t.test('a line makes an account with all that it says', async (t) => {
  const { statuses, find, operations } = await importing(t)
  const line = {
    client_id: 'billing',
    name: 'Billing',
    description: 'Bills',
    roles: ['billing', 'view'],
    scopes: ['view'],
    enabled: false,
    secret_hash: HASH,
  }
  t.same(await statuses(line, { client_id: 'plain', name: 'Plain' }), ['created', 'created'])
  t.match(await find('billing'), {
    name: 'Billing',
    description: 'Bills',
    roles: ['billing', 'view'],
    scopes: ['view'],
    disabledAt: Date,
    foreignHash: 'sha256',
  })
  t.match(await find('plain'), { roles: ['view'], disabledAt: undefined, foreignHash: undefined })
  t.same(await operations.secrets.list(TESTER, 'acme', 'plain'), [], 'without a secret it has none')
  const created = await operations.audit.list(TESTER, 'acme', { action: 'service-account.create', limit: 10 })
  t.match(created.items.find(({ target }) => target === 'billing')?.details, { secret_hash: 'sha256' })
  const imports = await operations.audit.list(TESTER, 'acme', { action: 'service-account.import', limit: 10 })
  t.match(imports.items[0]?.details, { created: 2, refused: 0 })
})

t.test('the same lines again change nothing, before and after the first use', async (t) => {
  const { statuses, isGood, find } = await importing(t)
  const lines = [
    { client_id: 'a', name: 'A', secret_hash: HASH },
    { client_id: 'b', name: 'B', client_secret: SECRET },
    { client_id: 'c', name: 'C', secret_hash: OTHER },
    { client_id: 'd', name: 'D' },
  ]
  await statuses(...lines)
  const { version } = await find('a')
  t.same(await statuses(...lines), new Array(4).fill('unchanged'))
  t.ok(await isGood('a', SECRET))
  t.ok(await isGood('b', SECRET))
  t.ok(await isGood('c', OTHER_SECRET))
  t.same(await statuses(...lines), new Array(4).fill('unchanged'))
  t.equal((await find('a')).version, version)
})

t.test(
  'a line changes what is different, and a secret that was changed elsewhere replaces the old one',
  async (t) => {
    const { statuses, isGood, find } = await importing(t)
    await statuses(
      { client_id: 'a', name: 'A', secret_hash: HASH },
      { client_id: 'b', name: 'B', secret_hash: HASH },
      { client_id: 'c', name: 'C', client_secret: SECRET },
    )
    t.ok(await isGood('b', SECRET))
    const changed = [
      { client_id: 'a', name: 'A', secret_hash: OTHER },
      { client_id: 'b', name: 'B', secret_hash: OTHER },
      { client_id: 'c', name: 'C', client_secret: 'another-Secret-9471' },
    ]
    t.same(await statuses(...changed), ['updated', 'updated', 'updated'])
    for (const clientId of ['a', 'b']) {
      t.notOk(await isGood(clientId, SECRET))
      t.ok(await isGood(clientId, OTHER_SECRET))
    }
    t.notOk(await isGood('c', SECRET))
    t.ok(await isGood('c', 'another-Secret-9471'))
    t.same(await statuses({ client_id: 'a', name: 'New', roles: ['billing'], enabled: false }), ['updated'])
    t.match(await find('a'), { name: 'New', roles: ['billing'], disabledAt: Date })
  },
)

t.test('a secret that was made here is not replaced by an import', async (t) => {
  const { take, operations, isGood } = await importing(t)
  await take({ client_id: 'a', name: 'A', secret_hash: HASH })
  const { clientSecret } = await operations.secrets.reset(TESTER, 'acme', 'a')
  t.match(await take({ client_id: 'a', name: 'A', secret_hash: HASH }), [
    { status: 'unchanged', detail: /made here/ },
  ])
  t.notOk(await isGood('a', SECRET))
  t.ok(await isGood('a', clientSecret))
})

t.test('a refused line keeps no other out', async (t) => {
  const { take, statuses } = await importing(t)
  await statuses({ client_id: 'taken', name: 'Taken' })
  const outcomes = await take(
    { client_id: 'ok', name: 'OK' },
    7,
    null,
    [],
    { name: 'no id' },
    { client_id: 'x' },
    { client_id: 'x', name: 'x', secret: 'y' },
    { client_id: 'a b', name: 'x' },
    { client_id: '.', name: 'x' },
    { client_id: '..', name: 'x' },
    { client_id: 'x', name: 'TAKEN' },
    { client_id: 'x', name: 'ok' },
    { client_id: 'x', name: 'x', roles: ['unknown'] },
    { client_id: 'x', name: 'x', roles: 'view' },
    { client_id: 'x', name: 'x', client_secret: 'short' },
    { client_id: 'x', name: 'x', client_secret: SECRET, secret_hash: HASH },
    { client_id: 'x', name: 'x', secret_hash: 'md5:00' },
    { client_id: 'x', name: 'x', __proto__: null, enabled: 'no' },
    { client_id: 'taken', name: 'OK' },
    { client_id: 'last', name: 'Last' },
  )
  t.same(
    outcomes.map(({ status }) => status),
    ['created', ...new Array(18).fill('refused'), 'created'],
  )
  t.match(outcomes[10], { refusal: { code: 'name_taken' } })
  t.match(outcomes[18], { clientId: 'taken', refusal: { code: 'name_taken' } })
})

t.test('lines beyond the limit of the realm are refused, and the count stays right', async (t) => {
  const { statuses, operations } = await importing(t)
  const lines = Array.from({ length: 12 }, (_, n) => ({
    client_id: `c${n}`,
    name: `c${n}`,
    secret_hash: HASH,
  }))
  const after = await statuses(...lines)
  t.same(after, [...new Array(10).fill('created'), 'refused', 'refused'])
  t.equal((await operations.realms.find(TESTER, 'acme')).serviceAccountCount, 10)
  t.equal(await operations.accounts.countForeignHashes(TESTER, 'acme'), 10)
})

t.test('a client_id that comes twice is made once and then changed', async (t) => {
  const { statuses, find } = await importing(t)
  const twice = await statuses({ client_id: 'a', name: 'A' }, { client_id: 'a', name: 'B' })
  t.same(twice, ['created', 'updated'])
  t.equal((await find('a')).name, 'B')
})

t.test('an administrator of another realm, and a viewer, import nothing', async (t) => {
  const { operations } = await importing(t)
  for (const [realm, access, code] of [
    ['other', 'administer', 'not_found'],
    ['acme', 'view', 'forbidden'],
    ['acme', 'none', 'forbidden'],
  ] as const) {
    const actor = { ...TESTER, authority: { platform: false, realm, access } as const }
    await t.rejects(operations.accounts.import(actor, 'acme', [{ client_id: 'a', name: 'A' }]), { code })
  }
  await t.rejects(operations.accounts.import(TESTER, 'nowhere', []), { code: 'not_found' })
})

t.test('an administrator of realm system makes no platform administrator by an import', async (t) => {
  const { operations } = await importing(t)
  await operations.bootstrap.createAdministrator('root', 'correct-horse-battery-staple')
  const authority = { platform: false, realm: 'system', access: 'administer' } as const
  const line = { client_id: 'second', name: 'Second', roles: ['platform-admin'] }
  t.match(await operations.accounts.import({ ...TESTER, authority }, 'system', [line]), [
    { status: 'refused' },
  ])
})
