import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme', '--jwks-max-age', '60'], env)

async function run(...args: string[]) {
  const { stdout, code } = await mintmark(['key', ...args, '--realm', 'acme'], env)
  t.equal(code, 0)
  return stdout
}

t.test('a rotation publishes a key that signs once no cache can be without it', async (t) => {
  const [current] = JSON.parse(await run('list', '--json'))
  t.match(current, { realm: 'acme', algorithm: 'ES256', state: 'current', retired_at: null })
  const next = JSON.parse(await run('rotate', '--json'))
  t.match(next, { state: 'next', activated_at: null })
  t.ok(Date.parse(next.activates_at) - Date.parse(next.published_at) >= 60_000)
  t.match(
    await run('rotate'),
    new RegExp(`^kid {8}${next.kid}\n.*\n\nIt is published and signs from \\S+Z`, 's'),
  )
  t.match(
    await run('list'),
    /^KID +ALGORITHM +STATE +PUBLISHED +SIGNS FROM +RETIRED\n\S+ +ES256 +current .*\n\S+ +ES256 +next .*\n$/,
  )
})

t.test('a revoked key is gone at once', async (t) => {
  const keys = JSON.parse(await run('list', '--json'))
  const { kid } = keys.find(({ state }: { state: string }) => state === 'current')
  t.same(JSON.parse(await run('revoke', kid, '--json')), { kid, realm: 'acme', revoked: true })
  const left = JSON.parse(await run('list', '--json'))
  t.notOk(left.some((key: { kid: string }) => key.kid === kid))
  t.equal(left[0].state, 'current', 'the next one signs in its place')
  t.equal(await run('revoke', left[0].kid), `Revoked ${left[0].kid}.\n`)

  const { code, stderr } = await mintmark(['key', 'revoke', kid, '--realm', 'acme'], env)
  t.equal(code, 3)
  t.equal(stderr, `mintmark: Realm acme has no key ${kid}.\n`)
})

t.test('keys are listed in PEM for programs that read no JWKS', async (t) => {
  const { stdout, code } = await mintmark(['key', 'list', '--realm', 'acme', '--pem'], env)
  t.equal(code, 0)
  t.match(stdout, /^# [\w-]{43} ES256\n-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n/)
})
