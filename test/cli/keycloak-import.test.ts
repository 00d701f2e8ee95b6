import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { keycloakExport } from '../support/keycloak-export.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)
const folder = t.testdir({})

function written(name: string, content: string): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}
const file = written('export.json', JSON.stringify(keycloakExport()))

const run = (...args: string[]) => mintmark(['import', 'keycloak', '--realm', 'acme', ...args], env)
const answer = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

t.test('a dry run changes nothing and tells all', async (t) => {
  t.match(await answer('--file', file, '--dry-run'), {
    dry_run: true,
    accounts: ['billing-job', 'warehouse', 'masked', 'weak', 'narrow'],
    created: 0,
    without_secret: 2,
    added: {
      roles: ['billing', 'reports', 'warehouse:stock-read'],
      scopes: ['orders'],
      audiences: ['warehouse'],
    },
  })
  t.equal((await mintmark(['service-account', 'list', '--realm', 'acme', '--json'], env)).stdout, '[]\n')
})

t.test('service accounts come with what they had, and a second import changes nothing', async (t) => {
  const first = await answer('--file', file)
  t.match(first, { dry_run: false, created: 5, refused: 0, without_secret: 2 })
  t.ok(first.left.some((one: { client_id: string }) => one.client_id === 'web'))
  const shown = await mintmark(['service-account', 'show', '--realm', 'acme', 'billing-job', '--json'], env)
  t.match(JSON.parse(shown.stdout), {
    name: 'Billing job',
    roles: ['billing', 'reports', 'warehouse:stock-read'],
    scopes: ['orders'],
  })
  const again = await answer('--file', file)
  t.match(again, { created: 0, updated: 0, unchanged: 5, added: { roles: [], scopes: [], audiences: [] } })
  const told = await run('--file', file)
  t.match(told.stdout, /^created: 0\nupdated: 0\nunchanged: 5\n/)
  t.match(told.stdout, /\n {2}web: It is a public client/)
})

t.test('a pattern chooses clients', async (t) => {
  t.match(await answer('--file', file, '--dry-run', '--only', 'b*-j*b'), { accounts: ['billing-job'] })
  t.match(await answer('--file', file, '--dry-run', '--only', 'billing.job'), { accounts: [] })
})

t.test('a file that is broken, cut off or something else is refused with what to do', async (t) => {
  const whole = JSON.stringify(keycloakExport())
  for (const [name, content, told] of [
    ['cut.json', whole.slice(0, -20), /is not JSON, or was cut off/],
    ['empty.json', '', /is not JSON, or was cut off/],
    ['other.json', '{"realm":"x"}', /has no clients: is it what kc\.sh export/],
    ['list.json', '[]', /no such realm in the file/],
  ] as const) {
    const { code, stderr } = await run('--file', written(name, content))
    t.equal(code, 1, name)
    t.match(stderr, told, name)
  }
  t.match(await run('--file', '/proc/none'), { code: 1, stderr: /cannot be read: ENOENT/ })
})

t.test('more clients than the realm may have are refused before anything is changed', async (t) => {
  const clients = Array.from({ length: 30 }, (_, n) => ({ clientId: `c${n}`, serviceAccountsEnabled: true }))
  const many = written('many.json', JSON.stringify({ realm: 'x', clients }))
  const { code, stderr } = await run('--file', many)
  t.equal(code, 4)
  t.match(stderr, /--service-account-limit/)
})

t.test('ten thousand clients of kinds that are not taken over are each listed with the reason', async (t) => {
  const kinds = [
    { publicClient: true },
    { bearerOnly: true },
    { protocol: 'saml' },
    { serviceAccountsEnabled: false },
    { clientAuthenticatorType: 'client-jwt' },
  ]
  const usual = {
    protocol: 'openid-connect',
    serviceAccountsEnabled: true,
    enabled: true,
    secret: 'x'.repeat(32),
  }
  const clients = Array.from({ length: 10_000 }, (_, n) => ({
    ...usual,
    clientId: `other-${n}`,
    ...kinds[n % kinds.length],
  }))
  const { accounts, left } = await answer(
    '--file',
    written('kinds.json', JSON.stringify({ ...keycloakExport(), clients, users: [] })),
    '--dry-run',
  )
  t.same(accounts, [])
  const reasons = new Map<string, string>(
    left.map((one: { client_id: string; reason: string }) => [one.client_id, one.reason]),
  )
  t.equal([...reasons.keys()].filter((name) => name.startsWith('other-')).length, 10_000)
  t.equal(new Set([...reasons].slice(0, kinds.length).map(([, reason]) => reason)).size, kinds.length)
})
