import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { openAdminApi } from '../../src/cli/remote/admin-api.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { mintmark } from '../support/command.ts'
import { MASTER_KEY, TESTER, testServer } from '../support/server.ts'

/** Two ways to give one command: beside the database, and over the admin API. */
async function twoWays(t: Test) {
  const server = await testServer(t)
  const { operations, databaseUrl } = server
  const address = await server.app.listen({ port: 0, host: '127.0.0.1' })
  t.match((server.app.server.address() as AddressInfo).port, Number)
  await operations.realms.create(TESTER, 'acme', { roles: ['deployer'] })
  const admin = await operations.accounts.create(TESTER, 'acme', { name: 'Admin', roles: ['account-admin'] })
  const beside = { DATABASE_URL: databaseUrl, MASTER_KEY, PUBLIC_URL: 'https://auth.test' }
  const over = {
    MINTMARK_SERVER: address,
    MINTMARK_REALM: 'acme',
    MINTMARK_CLIENT_ID: admin.account.clientId,
    MINTMARK_CLIENT_SECRET: admin.clientSecret,
  }
  return { server, operations, address, beside, over, admin }
}

/** A preview has a time and an id of its own. */
function unstamped(ended: object): unknown {
  return JSON.parse(JSON.stringify(ended).replaceAll(/\\"(iat|exp|jti)\\": ?[^,]+,/g, ''))
}

/** All commands but these work in a realm that an option names. */
function argumentsOf(command: string): string[] {
  const words = command.split(' ')
  return /^(?:realm|policy|audit prune)\b/.test(command) ? words : [...words, '--realm', 'acme']
}

t.test('a command says the same beside the database and over the admin API', async (t) => {
  const { operations, beside, over } = await twoWays(t)
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  await operations.resources.put(TESTER, 'acme', { type: 'device_group', id: 'eu' })
  await operations.resources.put(TESTER, 'acme', {
    type: 'device',
    id: 'a/b',
    name: 'Boiler',
    groups: ['eu'],
  })
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'view', type: 'device', id: 'a/b' })
  await operations.clientKeys.add(TESTER, 'acme', clientId, { pem: testKeyPair().pem })
  await operations.secrets.startRotation(TESTER, 'acme', clientId)
  const { issuer } = await operations.trustedIssuers.create(TESTER, 'acme', {
    issuer: 'https://platform.example',
    keys: { source: 'discovery' },
  })
  const asked = { trustedIssuer: issuer.id, rules: [{ claim: 'sub', equals: 'a' }] }
  const { identity } = await operations.workloadIdentities.create(TESTER, 'acme', clientId, asked)

  const reads = [
    'realm list',
    'realm list --search CM',
    'realm list --search nothing',
    'realm show acme',
    'service-account list',
    'service-account list --name ci --unused-since 2001-01-01T00:00:00Z',
    'service-account list --state enabled --role view --auth-method client_secret --search ci',
    'service-account list --state disabled',
    'service-account list --rotating',
    'service-account list --leaked',
    `service-account list --client-id ${clientId.slice(0, 20)}`,
    `service-account show ${clientId}`,
    'service-account show nobody',
    `service-account list-secrets ${clientId}`,
    `service-account key list ${clientId}`,
    `service-account preview-token ${clientId}`,
    `grant list ${clientId}`,
    'resource list',
    'resource list --search boil',
    'key list',
    'key list --pem',
    'portal-session list',
    'trusted-issuer list',
    `trusted-issuer show ${issuer.id}`,
    `workload-identity list ${clientId}`,
    `workload-identity show ${clientId} ${identity.id}`,
    'audit list --limit 3',
    'audit list --action service-account.create',
    'audit list --outcome done --limit 2',
    'policy show',
    'realm activity acme',
    `service-account activity ${clientId}`,
  ]
  for (const command of reads)
    for (const more of [[], ['--json']]) {
      const args = [...argumentsOf(command), ...more]
      const [here, there] = [await mintmark(args, beside), await mintmark(args, over)]
      t.same(unstamped(there), unstamped(here), args.join(' '))
      t.equal(here.code, command.includes('nobody') ? 3 : 0, here.stderr)
    }
  const changes = [
    `service-account update ${clientId} --description deploys`,
    `service-account update ${clientId} --quota 5/day:monitor`,
    `service-account update ${clientId} --no-quota`,
    `service-account disable ${clientId}`,
    `service-account enable ${clientId}`,
    `role add ${clientId} operate`,
    `grant add ${clientId} operate device/a/b`,
    'realm update acme --token-lifetime 120',
    `realm update acme --claim x@=metadata.x`,
    `service-account update ${clientId} --claim a@=metadata.a`,
    `trusted-issuer update ${issuer.id} --name Platform`,
    `service-account create --name CI --like ${clientId}`,
    'resource delete device/nothing',
    `service-account revoke-tokens ${clientId} --yes`,
  ]
  const plain = (text: string) =>
    text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replaceAll(/"added":\w+/g, '')
  for (const command of changes) {
    const args = [...argumentsOf(command), '--json']
    const [there, here] = [await mintmark(args, over), await mintmark(args, beside)]
    t.equal(there.code, here.code, `${command}: ${there.stderr}`)
    const refused = /--name CI\b/.test(command) ? 4 : /nothing/.test(command) ? 3 : 0
    t.equal(there.code, refused, there.stderr)
    t.equal(plain(there.stdout), plain(here.stdout), command)
  }
  for (const command of [`role remove ${clientId} operate`, `grant remove ${clientId} operate device/a/b`]) {
    t.equal((await mintmark(argumentsOf(command), over)).code, 0, command)
    t.equal((await mintmark(argumentsOf(command), beside)).code, 3, `${command}, once more`)
  }
  const lines = '{"type":"device","id":"new"}\nnot JSON\n{"type":"nothing","id":"x"}\n'
  const imported = [
    await mintmark(['resource', 'import', '--realm', 'acme'], over, { input: lines }),
    await mintmark(['resource', 'import', '--realm', 'acme'], beside, { input: lines }),
  ]
  t.match(imported[0]?.stdout, /2 of 3|refused/i)
  t.equal(imported[0]?.code, imported[1]?.code)
})

t.test('a secret, a key and an import made over the admin API are complete', async (t) => {
  const { operations, over } = await twoWays(t)
  const made = await mintmark(
    ['service-account', 'create', '--realm', 'acme', '--name', 'New', '--role', 'operate', '--json'],
    over,
  )
  t.equal(made.code, 0, made.stderr)
  const { client_id, client_secret, secret } = JSON.parse(made.stdout)
  t.equal(secret.last_four, client_secret.slice(-4))
  for (const command of ['reset-secret', 'rotate-secret']) {
    const answer = JSON.parse(
      (await mintmark(['service-account', command, client_id, '--realm', 'acme', '--json'], over)).stdout,
    )
    t.equal(answer.old_secrets.length, 1, command)
  }
  const line = '{"client_id":"moved","name":"Moved","client_secret":"a secret from elsewhere"}\n'
  t.equal((await mintmark(['import', 'accounts', '--realm', 'acme'], over, { input: line })).code, 0)
  t.equal((await operations.accounts.find(TESTER, 'acme', 'moved')).name, 'Moved')
  t.equal(
    (await mintmark(['service-account', 'delete', client_id, '--realm', 'acme', '--yes'], over)).code,
    0,
  )
  t.equal((await mintmark(['service-account', 'show', client_id, '--realm', 'acme'], over)).code, 3)
})

t.test('links and sessions of the portal are made, listed and ended over the admin API', async (t) => {
  const { operations, beside, over } = await twoWays(t)
  const run = async (env: Record<string, string>, ...args: string[]) => {
    const ended = await mintmark([...args, '--realm', 'acme', '--json'], env)
    return ended.code === 0 ? JSON.parse(ended.stdout) : ended
  }
  for (const [person, access] of [
    ['Ann', 'administer'],
    ['Vera', 'view'],
  ]) {
    const more = access === 'view' ? ['--viewer'] : []
    const link = await run(over, 'portal-link', '--for', person as string, ...more)
    t.match(link, { realm: 'acme', person, access, url: /\/portal\/acme\/sign-in#[\w-]{43}$/ })
    await operations.portal.signInWithLink('acme', link.url.split('#')[1], '192.0.2.1')
  }
  const sessions = await run(over, 'portal-session', 'list')
  t.same(sessions, await run(beside, 'portal-session', 'list'))
  t.same(sessions.map(({ display_name }: { display_name: string }) => display_name).toSorted(), [
    'Ann',
    'Vera',
  ])
  t.match(await run(over, 'portal-session', 'end', '--id', 'nothing'), { code: 3 })
  t.same(await run(over, 'portal-session', 'end', '--id', sessions[0].id), { realm: 'acme', ended: 1 })
  t.same(await run(over, 'portal-session', 'end', '--subject', 'nobody'), { realm: 'acme', ended: 0 })
  t.same(await run(over, 'portal-session', 'end'), { realm: 'acme', ended: 1 })
  t.same(await run(over, 'portal-session', 'list'), [])
  const { items } = await operations.audit.list(TESTER, 'acme', { action: 'portal.link', limit: 9 })
  t.match(items, [{ actor: { kind: 'api' } }, { actor: { kind: 'api' } }])
})

t.test('an account signs in by its key', async (t) => {
  const { operations, over, admin } = await twoWays(t)
  const pair = testKeyPair()
  const { key } = await operations.clientKeys.add(TESTER, 'acme', admin.account.clientId, { pem: pair.pem })
  const update = { authMethods: ['client_secret', 'private_key_jwt'] }
  await operations.accounts.update(TESTER, 'acme', admin.account.clientId, update)
  const file = t.testdir({ 'key.pem': pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string })
  const { MINTMARK_CLIENT_SECRET: _, ...rest } = over
  const byKey = { ...rest, MINTMARK_PRIVATE_KEY_FILE: `${file}/key.pem`, MINTMARK_KEY_ID: key.kid }
  const answer = await mintmark(['realm', 'show', 'acme', '--json'], byKey)
  t.equal(answer.code, 0, answer.stderr)
  t.match(JSON.parse(answer.stdout), { name: 'acme', issuer: 'https://auth.test/realms/acme' })
})

t.test('a server that cannot be used ends a command with the exit code of that', async (t) => {
  const { server, operations, over, admin } = await twoWays(t)
  const cases: [string, Readonly<Record<string, string>>, number, RegExp][] = [
    ['realm list', { ...over, MINTMARK_CLIENT_SECRET: 'wrong' }, 5, /No token for .* of realm acme/],
    ['realm list', { ...over, MINTMARK_CLIENT_REALM: 'nothing' }, 5, /has no realm nothing/],
    ['realm list', { ...over, MINTMARK_CLIENT_ID: '' }, 1, /MINTMARK_CLIENT_ID/],
    ['realm list', { ...over, MINTMARK_PRIVATE_KEY_FILE: 'x' }, 1, /one of/],
    ['realm list', { ...over, MINTMARK_SERVER: 'http://127.0.0.1:1' }, 6, /no answer/],
    ['realm list', { ...over, MINTMARK_SERVER: 'http://auth.example' }, 1, /use https/],
    ['realm list', { ...over, MINTMARK_SERVER: 'nothing' }, 1, /--server must be/],
    ['realm create other', over, 5, /platform-admin/],
    ['realm show other', over, 3, /no realm other/],
    ['audit prune', over, 1, /beside the database alone, since it deletes/],
    ['export', over, 1, /beside the database alone, since a realm is written as it is at one moment/],
    ['import keycloak --file nothing.json', over, 1, /nothing\.json/],
  ]
  for (const [command, env, code, said] of cases) {
    const answer = await mintmark(argumentsOf(command), env)
    t.equal(answer.code, code, `${command}: ${answer.stderr}`)
    t.match(answer.stderr, said)
    const inJson = await mintmark([...argumentsOf(command), '--json'], env)
    t.match(JSON.parse(inJson.stderr), { code: String, detail: said })
    t.notOk(answer.stderr.includes(admin.clientSecret), 'and no secret is told')
  }
  await operations.accounts.update(TESTER, 'acme', admin.account.clientId, { roles: ['view'] })
  t.equal((await mintmark(['realm', 'list'], over)).code, 5, 'one who may not')
  await server.cutDatabase()
  t.equal((await mintmark(['realm', 'list'], over)).code, 6, 'the database is away')
})

t.test('what cannot be done over the admin API says why before it signs in or reads anything', async (t) => {
  const nowhere = {
    MINTMARK_SERVER: 'http://127.0.0.1:1',
    DATABASE_URL: 'postgres://127.0.0.1:1/x',
    MASTER_KEY,
  }
  for (const [command, reason] of [
    ['migrate', 'it changes the tables themselves'],
    ['master-key rotate', 'it needs the master keys'],
    ['audit prune', 'it deletes what the database role'],
    ['export --realm acme', 'a realm is written as it is at one moment'],
    ['apply -f nothing.yaml', 'a file is applied whole or not at all'],
  ] as const) {
    const { MINTMARK_SERVER, ...env } = nowhere
    for (const [args, environment] of [
      [command.split(' '), nowhere],
      [['--server', MINTMARK_SERVER, ...command.split(' ')], env],
    ] as const) {
      const { code, stdout, stderr } = await mintmark(args, environment)
      t.same([code, stdout], [1, ''], command)
      t.match(stderr, `mintmark: This command works beside the database alone, since ${reason}`)
    }
  }
  t.equal((await mintmark(['master-key', 'generate'], nowhere)).code, 0, 'it needs neither')
  t.equal((await mintmark(['apply', '--schema'], nowhere)).code, 0)
})

t.test('keys of another server and counts of shadow mode are there over the admin API', async (t) => {
  const { operations, beside, over } = await twoWays(t)
  await operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const platform = {
    ...over,
    MINTMARK_CLIENT_REALM: 'system',
    MINTMARK_CLIENT_ID: 'root',
    MINTMARK_CLIENT_SECRET: 'a secret of the platform',
  }
  const jwks = JSON.stringify({ keys: [{ ...testKeyPair().jwk, kid: 'old', alg: 'ES256', use: 'sig' }] })
  const until = new Date(Date.now() + 86_400_000).toISOString()
  const publish = ['key', 'publish-foreign', '--realm', 'acme', '--jwks', '-', '--until', until]
  const made = await mintmark([...publish, '--issuer', 'https://old.example', '--json'], platform, {
    input: jwks,
  })
  t.equal(made.code, 0, made.stderr)
  t.match(JSON.parse(made.stdout), [{ kid: 'old', issuer: 'https://old.example', until }])
  await mintmark(['realm', 'update', 'acme', '--shadow-mode', 'on'], beside)
  for (const command of ['key list-foreign', 'realm shadow acme'])
    for (const more of [[], ['--json']]) {
      const args = [...argumentsOf(command), ...more]
      const there = await mintmark(args, platform)
      t.equal(there.code, 0, there.stderr)
      t.same(there, await mintmark(args, beside), args.join(' '))
    }
  t.equal((await mintmark(['realm', 'shadow', 'acme', '--reset'], platform)).code, 0)
  const withdraw = ['key', 'withdraw-foreign', '--realm', 'acme', 'old', '--yes']
  t.equal((await mintmark(withdraw, platform)).code, 0)
  t.equal((await mintmark(withdraw, beside)).code, 3)
})

t.test('a command over the admin API loads nothing that works with the database', async (t) => {
  const cli = resolve(import.meta.dirname, '../../src/cli')
  const loaded = new Set<string>()
  const packages = new Set<string>()
  const load = (file: string): void => {
    if (loaded.has(file)) return
    loaded.add(file)
    // Types are not loaded, and import() only when it is needed.
    const imports = /^(?:import|export) (?!type )[^'()]*'([^']+)'/gm
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(imports))
      if (name.startsWith('.')) load(resolve(dirname(file), name))
      else packages.add(name)
  }
  for (const file of ['program.ts', 'commands.ts', 'remote/admin-api.ts', 'remote/operations.ts'])
    load(resolve(cli, file))
  t.ok(loaded.size > 40, 'it follows the imports')
  for (const name of ['pg', 'kysely', 'fastify', 'typebox', '@node-rs/argon2'])
    t.notOk(packages.has(name), name)
})

t.test('a command that takes longer than its token lives asks for another one', async (t) => {
  const { server, address, over } = await twoWays(t)
  const api = await openAdminApi(address, over, 'acme')
  t.teardown(() => api.close())
  t.equal((await api.ask('GET', '/realms/acme')).status, 200)
  server.clock.advance(3600)
  const made = await api.ask('POST', '/realms/acme/service-accounts', { body: { name: 'Late' } })
  t.equal(made.status, 201)
})

t.test('a process that works over the admin API is small', async (t) => {
  const { over } = await twoWays(t)
  // resourceUsage() would tell the size of this process, from before the other program was loaded into its child.
  const hook =
    'import { readFileSync } from "node:fs"; process.on("exit", () => console.error(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]))'
  const ended = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(hook)}`,
      'src/mintmark.js',
      'realm',
      'list',
      '--json',
    ],
    { env: { PATH: process.env['PATH'], ...over } },
  )
  t.match(JSON.parse(ended.stdout), [{ name: 'acme' }])
  const megabytes = Number(ended.stderr.trim()) / 1024
  t.comment(`${Math.round(megabytes)} MB`)
  t.ok(megabytes < 128, `${megabytes} MB`)
})
