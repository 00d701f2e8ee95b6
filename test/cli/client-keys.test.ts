import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testKeyPair } from '../support/client-keys.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)
const folder = temporaryFolder(t)

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const run = (...args: string[]) => mintmark(['service-account', ...args, '--realm', 'acme'], env)

async function answer(...args: string[]) {
  const { stdout, stderr } = await run(...args, '--json')
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

t.test('a service account is made with a public key, and its keys are looked after', async (t) => {
  const { jwk, pem } = testKeyPair()
  const made = await answer('create', '--name', 'CI', '--public-key', file('public.pem', pem))
  t.same(made.auth_methods, ['private_key_jwt'])
  t.notOk('client_secret' in made)
  t.match(made.key, { algorithm: 'ES256', jwk })
  const id = made.client_id
  const refused = await run('reset-secret', id)
  t.equal(refused.code, 4)
  t.match(refused.stderr, /authenticates without a secret/)

  const own = file('own.jwk', JSON.stringify({ ...testKeyPair().jwk, kid: 'own' }))
  const end = '2199-01-01T00:00:00Z'
  const added = await answer('key', 'add', id, '--public-key', own, '--name', 'Own', '--expires-at', end)
  t.match(added, { kid: 'own', name: 'Own', expires_at: '2199-01-01T00:00:00.000Z' })
  const listed = await answer('key', 'list', id)
  t.same(listed.map((key: { kid: string }) => key.kid).sort(), ['own', made.key.kid].sort())
  t.match((await run('key', 'list', id)).stdout, /^KID +ALGORITHM +NAME +CREATED +EXPIRES +LAST USED\n/)
  t.match(await answer('key', 'update', id, 'own', '--name', 'Mine', '--no-expires-at'), {
    name: 'Mine',
    expires_at: null,
  })
  const ended = await answer(
    'key',
    'update',
    id,
    'own',
    '--expires-at',
    '2020-01-01T00:00:00Z',
    '--keep-tokens',
  )
  t.equal(ended.expires_at, '2020-01-01T00:00:00.000Z')
  t.same(await answer('key', 'delete', id, 'own'), {
    client_id: id,
    realm: 'acme',
    kid: 'own',
    deleted: true,
  })

  const both = ['--auth-method', 'client_secret', '--auth-method', 'private_key_jwt']
  t.same((await answer('update', id, ...both)).auth_methods, ['client_secret', 'private_key_jwt'])
  t.match((await answer('reset-secret', id)).client_secret, /^mm_/)
  t.same((await answer('update', id, '--auth-method', 'private_key_jwt')).auth_methods, ['private_key_jwt'])
  t.same(await answer('list-secrets', id), [])
})

t.test('people are told which key there is, or how to add one', async (t) => {
  const withKey = await run('create', '--name', 'A', '--public-key', file('a.pem', testKeyPair().pem))
  t.match(withKey.stdout, /auth methods +private_key_jwt\n(?:.*\n)*Its key has the kid [\w-]{43}\n$/)
  const without = await run('create', '--name', 'B', '--auth-method', 'private_key_jwt')
  const next = /Next: mintmark service-account key add --realm acme (\S+) --public-key <file>\n$/
  t.match(without.stdout, next)
  const [, id = ''] = next.exec(without.stdout) ?? []
  t.match(
    (await run('key', 'list', id)).stdout,
    /^It has no public keys\. Add one: mintmark service-account key add/,
  )
  const added = await run('key', 'add', id, '--public-key', file('b.pem', testKeyPair().pem), '--name', 'b')
  t.match(added.stdout, /^kid +[\w-]{43}\nalgorithm +ES256\nname +b\ncreated +\S+Z\n$/)
})

t.test('a key file that is of no use is refused with what to do', async (t) => {
  const { privateKey } = testKeyPair()
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const rows: [string, RegExp][] = [
    [join(folder, 'missing.pem'), /--public-key \S+missing\.pem: ENOENT\. Name a file/],
    [
      file('private.pem', privatePem),
      /private key\. Send the public half alone: openssl pkey -in FILE -pubout/,
    ],
    [file('private.jwk', JSON.stringify(privateKey.export({ format: 'jwk' }))), /private key/],
    [file('broken.jwk', '{"kty":'), /begins as a JWK does, but is not JSON/],
    [file('empty.pem', ''), /BEGIN PUBLIC KEY/],
  ]
  for (const [path, message] of rows) {
    const { code, stdout, stderr } = await run('create', '--name', 'C', '--public-key', path)
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.notMatch(stderr, privatePem.split('\n')[1] as string)
  }
})
