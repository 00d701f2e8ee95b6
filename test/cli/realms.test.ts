import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = { ...onDatabase(await testDatabase(t)), PUBLIC_URL: 'https://auth.example.com/' }

t.test('a first realm can be made as the empty list says', async (t) => {
  const { stdout, code } = await mintmark(['realm', 'list'], env)
  t.equal(code, 0)
  t.equal(stdout, 'There are no realms yet. Make one: mintmark realm create <name>\n')
})

t.test('a realm is made with defaults, and the answer says how to go on', async (t) => {
  const { stdout, stderr, code } = await mintmark(['realm', 'create', 'acme'], env)
  t.equal(code, 0)
  t.equal(stderr, '')
  t.equal(
    stdout,
    `name            acme
issuer          https://auth.example.com/realms/acme
algorithm       ES256
token lifetime  300 s
scopes          view
audiences       https://auth.example.com/realms/acme

Next: mintmark service-account create --realm acme --name <name>
`,
  )
})

t.test('a realm is made to measure, and told in the names of the wire', async (t) => {
  const settings = ['--display-name', 'B. Ltd', '--algorithm', 'RS256', '--token-lifetime', '60']
  const lists = [
    '--audience',
    'https://api.example.com',
    '--audience',
    'billing',
    '--scope',
    'read',
    '--scope',
    'write',
  ]
  const numbers = [
    '--service-account-limit',
    '3',
    '--leaked-secret-action',
    'alert',
    '--introspection-audiences',
    'all',
    '--allowed-auth-method',
    'private_key_jwt',
    '--assertion-audience',
    'issuer',
    '--token-type-header',
    'JWT',
    '--audit-retention',
    '400',
    '--jwks-max-age',
    '60',
    '--key-publish',
    '120',
    '--key-rotation',
    '600',
  ]
  const args = ['realm', 'create', 'b', ...settings, ...lists, ...numbers, '--json']
  const before = Date.now()
  const { stdout, code } = await mintmark(args, env)
  t.equal(code, 0)
  t.equal(stdout.trim().split('\n').length, 1)
  const { created_at, ...rest } = JSON.parse(stdout)
  t.ok(before <= Date.parse(created_at) && Date.parse(created_at) <= Date.now())
  t.match(rest, {
    name: 'b',
    display_name: 'B. Ltd',
    issuer: 'https://auth.example.com/realms/b',
    algorithm: 'RS256',
    token_lifetime_seconds: 60,
    service_account_count: 0,
    service_account_limit: 3,
    scopes: ['read', 'write'],
    audiences: ['https://api.example.com', 'billing'],
    key_rotation_seconds: 600,
    key_publish_seconds: 120,
    jwks_max_age_seconds: 60,
    leaked_secret_action: 'alert',
    introspection_audiences: 'all',
    audit_retention_days: 400,
    token_type_header: 'JWT',
    allowed_auth_methods: ['private_key_jwt'],
    assertion_audience: 'issuer',
  })
})

t.test('realms are listed in order of name, in columns or as one array', async (t) => {
  const { stdout } = await mintmark(['realm', 'list'], env)
  t.match(
    stdout,
    /^NAME {2,}ALGORITHM .*\nacme +ES256 +300 s +0 of 25 +\S+Z\nb +RS256 +60 s +0 of 3 +\S+Z\n$/,
  )
  const json = JSON.parse((await mintmark(['--json', 'realm', 'list'], env)).stdout)
  t.same(
    json.map(({ name }: { name: string }) => name),
    ['acme', 'b'],
  )
})

t.test('a refusal is explained on standard error only', async (t) => {
  const cases: [number, string[], RegExp][] = [
    [4, ['acme'], /^mintmark: There is a realm acme already\.\n$/],
    [1, ['system'], /reserved/],
    [1, ['Acme'], /1 to 63 lower-case letters, digits and hyphens/],
    [1, ['c', '--algorithm', 'HS256'], /algorithm must be one of ES256, /],
    [1, ['c', '--token-lifetime', '29'], /token_lifetime_seconds must be a whole number from 30 to 3600/],
  ]
  for (const [wanted, args, message] of cases) {
    const { code, stdout, stderr } = await mintmark(['realm', 'create', ...args], env)
    t.equal(code, wanted)
    t.equal(stdout, '')
    t.match(stderr, message)
  }
})

t.test('an option that is no number is wrong usage', async (t) => {
  const { code, stderr } = await mintmark(['realm', 'create', 'c', '--token-lifetime', '5m'], env)
  t.equal(code, 2)
  t.match(stderr, /Usage: mintmark realm create.*'5m' is invalid.*whole number/s)
})
