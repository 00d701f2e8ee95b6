import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { testKeyPair } from '../support/client-keys.ts'
import { TESTER, testServer } from '../support/server.ts'

const HASH = 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA='
const [FIRST, SECOND] = [testKeyPair().jwk, testKeyPair().jwk]
const byKey = (...keys: unknown[]) => ({ client_id: 'a', name: 'A', jwks: { keys } })
const named = (jwk: Record<string, string>, kid: string) => ({ ...jwk, kid })

async function importing(t: Test) {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 10 })
  return {
    operations,
    take: async (line: unknown) => (await operations.accounts.import(TESTER, 'acme', [line]))[0],
    methods: async () => (await operations.accounts.find(TESTER, 'acme', 'a')).authMethods,
    kids: async () => (await operations.clientKeys.list(TESTER, 'acme', 'a')).map(({ kid }) => kid).sort(),
  }
}

t.test('a line with keys makes an account that authenticates by them alone', async (t) => {
  const { take, methods, kids } = await importing(t)
  t.match(await take(byKey(named(FIRST, 'one'), named(SECOND, 'two'))), { status: 'created' })
  t.same(await methods(), ['private_key_jwt'])
  t.same(await kids(), ['one', 'two'])
  t.match(await take(byKey(named(FIRST, 'one'), named(SECOND, 'two'))), { status: 'unchanged' })
})

t.test('a line with a secret and keys makes an account that authenticates by either', async (t) => {
  const { take, methods } = await importing(t)
  await take({ ...byKey(FIRST), secret_hash: HASH })
  t.same(await methods(), ['client_secret', 'private_key_jwt'])
})

t.test(
  'a key that a line brings later is added, and one that it no longer names stays and is told',
  async (t) => {
    const { take, methods, kids } = await importing(t)
    await take({ client_id: 'a', name: 'A', secret_hash: HASH })
    t.match(await take(byKey(named(FIRST, 'one'))), { status: 'updated' })
    t.same(await methods(), ['client_secret', 'private_key_jwt'])
    t.match(await take(byKey(named(SECOND, 'two'))), {
      status: 'updated',
      detail: 'Its other keys stay: one.',
    })
    t.same(await kids(), ['one', 'two'])
  },
)

t.test('an address of keys is taken over, and another one later', async (t) => {
  const { operations, take, methods } = await importing(t)
  const line = (jwks_uri: string) => ({ client_id: 'a', name: 'A', jwks_uri })
  t.match(await take(line('https://keys.test/a')), { status: 'created' })
  t.same(await methods(), ['private_key_jwt'])
  t.match(await take(line('https://keys.test/a')), { status: 'unchanged' })
  t.match(await take(line('https://keys.test/b')), { status: 'updated' })
  t.equal((await operations.accounts.find(TESTER, 'acme', 'a')).jwksUri, 'https://keys.test/b')
  t.match(await take(byKey(FIRST)), { status: 'refused', refusal: { field: 'jwks_uri' } })
})

t.test('keys that no account can have refuse their line', async (t) => {
  const { take } = await importing(t)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  for (const [line, told] of [
    [byKey(privateKey.export({ format: 'jwk' })), /private key/],
    [byKey(weak), /2048/],
    [byKey(FIRST, FIRST), /has this key already/],
    [byKey(named(FIRST, 'x'), named(SECOND, 'x')), /another key whose kid is x/],
    [byKey({ kty: 'oct' }), /kty must be/],
    [byKey(...new Array(11).fill(FIRST)), /at most 10/],
    [{ ...byKey(FIRST), jwks_uri: 'https://keys.test' }, /jwks or jwks_uri, not both/],
    [{ client_id: 'a', name: 'A', jwks: [FIRST] }, /jwks is/],
    [{ client_id: 'a', name: 'A', jwks_uri: 'http://keys.test' }, /https URL/],
    [{ client_id: 'a', name: 'A', keep: ['client_id'] }, /keep is an array of/],
  ] as const)
    t.match(await take(line), { status: 'refused', refusal: { message: told } }, String(told))
})

t.test('members that a line keeps count for a new account alone', async (t) => {
  const { operations, take } = await importing(t)
  const line = { client_id: 'a', name: 'A', roles: [], scopes: [], keep: ['roles', 'scopes'] }
  await take(line)
  t.match(await operations.accounts.find(TESTER, 'acme', 'a'), { roles: [], scopes: [] })
  await operations.accounts.update(TESTER, 'acme', 'a', { roles: ['view'], scopes: ['view'] })
  t.match(await take(line), { status: 'unchanged' })
  t.match(await take({ ...line, name: 'B' }), { status: 'updated' })
  t.match(await operations.accounts.find(TESTER, 'acme', 'a'), {
    name: 'B',
    roles: ['view'],
    scopes: ['view'],
  })
})
