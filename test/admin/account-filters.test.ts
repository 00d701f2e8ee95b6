import t from 'tap'
import { adminToken, asking } from '../support/admin.ts'
import { keyClient } from '../support/assertion.ts'
import { TESTER, testServer } from '../support/server.ts'

const server = await testServer(t)
const { operations } = server
await operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
const { token } = await adminToken(server, 'acme', ['account-admin'])
const ask = asking(server, token)
const PATH = '/admin/realms/acme/service-accounts'

const make = (name: string, more = {}) => operations.accounts.create(TESTER, 'acme', { name, ...more })
const plain = await make('Plain', { description: 'Reads the Boiler' })
const deployer = await make('Deployer', { roles: ['deployer', 'view'] })
const labelled = { owner: 'Ann "Ops" O\\Neil', tags: 'EU, Zürich' }
await make('Labelled', { metadata: { ...labelled, other: 'nowhere' } })
const off = await make('Off', { roles: ['deployer'] })
await operations.accounts.update(TESTER, 'acme', off.account.clientId, { enabled: false })
const rotating = await make('Rotating')
await operations.secrets.startRotation(TESTER, 'acme', rotating.account.clientId)
const leaked = await make('Leaked')
const finished = await make('Finished')
const replaced = await make('Replaced')
for (const { clientSecret } of [leaked, replaced])
  await operations.leakedSecrets.report('acme', [{ token: clientSecret } as never], '192.0.2.1')
await operations.secrets.reset(TESTER, 'acme', replaced.account.clientId)
const { secret } = await operations.secrets.startRotation(TESTER, 'acme', finished.account.clientId)
await operations.secrets.delete(TESTER, 'acme', finished.account.clientId, secret.id)
const signer = await keyClient(server)

async function found(query: string): Promise<string[]> {
  const { body } = await ask('GET', `${PATH}?${query}`)
  const names = body.items.map(({ name }: { name: string }) => name)
  return names.filter((name: string) => !name.startsWith('administrator'))
}

const everyone = await found('limit=100')
const others = (...names: string[]) => everyone.filter((name) => !names.includes(name))
const signerName = (await operations.accounts.find(TESTER, 'acme', signer.clientId)).name

const CASES: readonly [string, readonly string[]][] = [
  ['state=disabled', ['Off']],
  ['state=enabled', others('Off')],
  ['role=deployer', ['Deployer', 'Off']],
  ['role=deployer&state=enabled', ['Deployer']],
  ['role=nothing', []],
  ['rotating=true', ['Rotating']],
  ['rotating=false', others('Rotating')],
  ['leaked=true', ['Leaked']],
  ['leaked=false', others('Leaked')],
  [`client_id=${deployer.account.clientId.slice(0, -3)}`, ['Deployer']],
  [`client_id=${deployer.account.clientId}`, ['Deployer']],
  [`client_id=${deployer.account.clientId.slice(1)}`, []],
  ['client_id=SA_', []],
  ['client_id=~', []],
  ['search=BOILER', ['Plain']],
  ['search=lain', ['Plain']],
  [`search=${plain.account.clientId.slice(4, -1).toUpperCase()}`, ['Plain']],
  ['search=%25', []],
  ['search=ops', ['Labelled']],
  ['search=%22OPS%22', ['Labelled']],
  ['search=O%5CNeil', ['Labelled']],
  ['search=eu%2C%20Z%C3%BC', ['Labelled']],
  ['search=nowhere', []],
  ['search=tags', []],
  ['auth_method=private_key_jwt', [signerName]],
  ['auth_method=federated', []],
]

for (const [query, names] of CASES)
  t.test(`accounts are listed by ${query}`, async (t) => {
    t.same(await found(query), names)
  })

t.test('a rotation that has ended is not under way', async (t) => {
  server.clock.advance(86_401)
  const late = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  t.same((await late('GET', `${PATH}?rotating=true`)).body.items, [])
})

t.test('an invalid filter is refused, and lists nothing', async (t) => {
  const late = asking(server, (await adminToken(server, 'acme', ['account-admin'])).token)
  for (const query of [
    'state=off',
    'state=',
    'rotating=yes',
    'leaked=1',
    'leaked',
    'auth_method=password',
    'role=',
    `role=${'x'.repeat(64)}`,
    'client_id=a%00',
    'client_id=',
    'client_id=%25',
    'search=',
    'search=%00',
    'state=enabled&state=disabled',
    'enabled=false',
  ])
    t.equal((await late('GET', `${PATH}?${query}`)).status, 400, query)
})
