import t from 'tap'
import { RealmFileError } from '../../src/domain/realm-file-fault.ts'
import { writeRealmFile } from '../../src/operations/realm-files/file-writer.ts'
import type { ApplyOptions } from '../../src/operations/realm-files/realm-files.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { fullRealm } from '../support/full-realm.ts'
import { TESTER, testServer } from '../support/server.ts'

const file = (text: string) => [{ name: 'realm.yaml', text }]

async function opened(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  const { operations } = server
  const apply = (text: string, options?: ApplyOptions) =>
    operations.realmFiles.apply(TESTER, file(text), options)
  const exported = async (realm: string) => writeRealmFile(await operations.realmFiles.export(TESTER, realm))
  const events = async (realm: string) =>
    (await operations.audit.list(TESTER, realm, { after: undefined, limit: 100 })).items
  return { ...server, apply, exported, events }
}

/** Each change as `+ kind target`. */
function told(plans: Awaited<ReturnType<Awaited<ReturnType<typeof opened>>['apply']>>): string[] {
  return plans.flatMap(({ changes }) =>
    changes.map(({ action, kind, target, account }) => {
      const sign = { create: '+', update: '~', delete: '-' }[action]
      return `${sign} ${kind} ${account === undefined ? '' : `${account} `}${target}`
    }),
  )
}

async function faultsOf(applied: Promise<unknown>) {
  const error = await applied.then(
    () => undefined,
    (one: unknown) => one,
  )
  if (!(error instanceof RealmFileError)) throw new Error(`no faults of a file: ${error}`)
  return error.faults.map(({ path, line, code }) => `${line} ${path} ${code}`)
}

t.test('an export applied to an empty server exports the same again', async (t) => {
  const first = await opened(t)
  await fullRealm(first.operations, 'acme')
  const text = await first.exported('acme')
  const second = await opened(t)
  const plans = await second.apply(text)
  t.equal(await second.exported('acme'), text)
  t.same(told(await second.apply(text, { prune: true })), [], 'and again there is no change')
  t.same(told(await first.apply(text, { prune: true })), [], 'nor on the server that it is of')
  t.match(plans[0]?.notes, [/has no secret yet: mintmark service-account reset-secret --realm acme/])
  t.notMatch(text, /"d":|client_secret: |argon2/)
})

t.test('what the file does not name stays, and goes with prune', async (t) => {
  const { operations, apply, exported } = await opened(t)
  await fullRealm(operations, 'acme')
  const before = await exported('acme')
  const { service_accounts: accounts = [] } = await operations.realmFiles.export(TESTER, 'acme')
  const kept = accounts.find(({ name }) => name === '日本 👩‍💻')
  const text = JSON.stringify({
    realm: 'acme',
    roles: ['no'],
    trusted_issuers: [{ issuer: 'https://ci.example.com' }],
    resources: [{ type: 'device_group', id: 'eu' }],
    service_accounts: [
      { client_id: kept?.client_id, keys: [kept?.keys?.[0]], workload_identities: [], grants: [] },
    ],
  })
  t.same(told(await apply(text)), [])
  t.equal(await exported('acme'), before)
  const pruned = told(await apply(text, { prune: true }))
  const others = accounts
    .filter((one) => one !== kept)
    .map(({ client_id }) => `- service_account ${client_id}`)
  for (const line of [
    ...others,
    '- resource device_group_group/world',
    '- resource device/0123',
    '- resource site/s/1@x',
    '- trusted_issuer https://token.actions.githubusercontent.com',
    `- key ${kept?.client_id} ${kept?.keys?.[1]?.kid}`,
    '~ realm acme',
  ])
    t.ok(pruned.includes(line), line)
  t.equal(pruned.length, others.length + 8)
  const {
    roles,
    service_accounts: left,
    resources,
    trusted_issuers: issuers,
  } = await operations.realmFiles.export(TESTER, 'acme')
  t.same(roles, ['no'])
  t.equal(left?.length, 1)
  t.same(left?.[0]?.workload_identities, [])
  t.same(resources, [{ type: 'device_group', id: 'eu', name: 'Europe', groups: [] }])
  t.equal(issuers?.length, 1)
  t.same(told(await apply(text, { prune: true })), [])
})

t.test('a list that the file does not have is not pruned', async (t) => {
  const { operations, apply, exported } = await opened(t)
  await fullRealm(operations, 'acme')
  const before = await exported('acme')
  t.same(told(await apply('realm: acme\n', { prune: true })), [])
  t.equal(await exported('acme'), before)
})

t.test('a dry run tells what would change and changes nothing', async (t) => {
  const { operations, apply, exported, events } = await opened(t)
  await operations.realms.create(TESTER, 'acme', { roles: ['a'] })
  const before = await exported('acme')
  const text = `realm: acme
token_lifetime_seconds: 60
service_accounts:
  - client_id: ci
    roles: [view, b]
    grants: [{ role: b, type: device, id: d1 }]
roles: [b]
resources:
  - { type: device, id: d1 }
---
realm: other
`
  const plans = await apply(text, { dryRun: true })
  t.same(told(plans), [
    '~ realm acme',
    '+ resource device/d1',
    '+ service_account ci',
    '+ grant ci b on device/d1',
    '+ realm other',
  ])
  t.match(plans[0]?.changes[0], {
    before: { token_lifetime_seconds: 300, roles: ['a'] },
    after: { token_lifetime_seconds: 60, roles: ['b', 'a'] },
  })
  t.equal(await exported('acme'), before)
  await t.rejects(operations.realms.find(TESTER, 'other'), { code: 'not_found' })
  t.same(
    (await events('acme')).map(({ action }) => action),
    ['realm.create'],
  )
  t.same(told(await apply(text)), told(plans), 'applied, it is the same')
})

t.test('all faults of shape are told at once, by path and line', async (t) => {
  const { apply } = await opened(t)
  const text = `realm: acme
token_lifetime_seconds: soon
service_accounts:
  - client_id: a
  - client_id: b
    rolez: [view]
    grants:
      - { role: view, type: device }
  - name: 7
resources:
- {"type":"device","id":"x","colour":"red"}
- type: device
  id: y
  groups: eu
colour: red
---
realm: UPPER
`
  t.same(await faultsOf(apply(text)), [
    '2 token_lifetime_seconds invalid',
    '6 service_accounts[1].rolez invalid',
    '8 service_accounts[1].grants[0].id invalid',
    '9 service_accounts[2].client_id invalid',
    '9 service_accounts[2].name invalid',
    '11 resources[0].colour invalid',
    '14 resources[1].groups invalid',
    '15 colour invalid',
    '17 realm invalid',
  ])
})

t.test('all that the operations refuse is told at once, and nothing is changed', async (t) => {
  const { operations, apply, exported, events } = await opened(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.accounts.create(TESTER, 'acme', { name: 'Taken' })
  const before = await exported('acme')
  const text = `realm: acme
service_accounts:
  - client_id: good
  - client_id: not good
  - client_id: taken
    name: TAKEN
  - client_id: role
    roles: [unknown]
  - client_id: contents
    auth_methods: [private_key_jwt]
    keys:
      - { jwk: { kty: EC, crv: P-256, d: secret } }
    grants:
      - { role: view, type: device, id: unknown }
    workload_identities:
      - { trusted_issuer: https://unknown.example.com, rules: [{ claim: sub, equals: x }] }
resources:
  - { type: boat, id: x }
  - { type: device, id: y, groups: [unknown] }
`
  const expected = [
    '4 service_accounts[1].client_id invalid',
    '6 service_accounts[2].name name_taken',
    '8 service_accounts[3].roles invalid',
    '12 service_accounts[4].keys[0].jwk.d invalid',
    '13 service_accounts[4].grants.id invalid',
    '16 service_accounts[4].workload_identities[0].trusted_issuer invalid',
    '18 resources[0].type invalid',
    '19 resources[1].groups invalid',
  ]
  t.same(await faultsOf(apply(text, { dryRun: true })), expected)
  t.notOk(
    (await events('acme')).some(({ outcome }) => outcome === 'refused'),
    'a dry run is no attempt',
  )
  t.same(await faultsOf(apply(text)), expected)
  t.equal(await exported('acme'), before)
  const refused = (await events('acme')).filter(({ outcome }) => outcome === 'refused')
  t.ok(refused.length > 1)
  t.equal(new Set(refused.map(({ details }) => details['change'])).size, 1)
})

t.test('the audit events of a file share one change', async (t) => {
  const { apply, events } = await opened(t)
  await apply('realm: acme\nservice_accounts: [{ client_id: a }, { client_id: b, enabled: false }]\n')
  const trail = await events('acme')
  t.same(trail.map(({ action }) => action).sort(), [
    'realm.apply',
    'realm.create',
    'service-account.create',
    'service-account.create',
  ])
  t.equal(new Set(trail.map(({ details }) => details['change'])).size, 1)
  t.match(
    trail.find(({ action }) => action === 'realm.apply'),
    { details: { created: 3, updated: 0, deleted: 0, prune: false } },
  )
})

t.test('names move between accounts in one file', async (t) => {
  const { apply, operations } = await opened(t)
  const entry = (clientId: string, name: string) => ({ client_id: clientId, name })
  const text = (entries: object[]) => JSON.stringify({ realm: 'acme', service_accounts: entries })
  await apply(text([entry('a', 'One'), entry('b', 'Two'), entry('c', 'Three')]))
  await apply(text([entry('a', 'Two'), entry('b', 'Three'), entry('c', 'Four'), entry('d', 'One')]))
  const { service_accounts: accounts } = await operations.realmFiles.export(TESTER, 'acme')
  t.same(
    accounts?.map(({ name }) => name),
    ['Two', 'Three', 'Four', 'One'],
  )
})

t.test('prune keeps the last administrator of a realm and of the platform', async (t) => {
  const { apply, operations, exported } = await opened(t)
  await operations.bootstrap.createAdministrator('root', 'a-long-secret-of-root')
  await operations.realms.create(TESTER, 'acme')
  await operations.accounts.create(TESTER, 'acme', { name: 'Admin', roles: ['account-admin'] })
  for (const realm of ['acme', 'system']) {
    const before = await exported(realm)
    t.match(await faultsOf(apply(`realm: ${realm}\nservice_accounts: []\n`, { prune: true })), [
      /service_accounts last_administrator/,
    ])
    t.equal(await exported(realm), before)
  }
})

t.test('more deletions than were confirmed are refused', async (t) => {
  const { apply, operations } = await opened(t)
  await operations.realms.create(TESTER, 'acme')
  await operations.accounts.create(TESTER, 'acme', { name: 'New' })
  const text = 'realm: acme\nservice_accounts: []\n'
  await t.rejects(apply(text, { prune: true, confirmed: [] }), { code: 'changed_meanwhile' })
  t.equal((await operations.realms.find(TESTER, 'acme')).serviceAccountCount, 1)
})

t.test('a file that is no plain YAML is refused by line', async (t) => {
  const { apply } = await opened(t)
  for (const [text, told] of [
    ['', / {2}invalid$/],
    ['# nothing\n', / {2}invalid$/],
    ['realm: a\nrealm: b\n', /^2 /],
    ['realm: a\n\tscopes: [x]\n', /^2 /],
    ['realm: a\nscopes: !!js/function x\n', /^2 /],
    ['realm: a\nscopes: !secret x\n', /^2 /],
    ['realm: a\nscopes: *unknown\n', /^2 /],
    [`realm: a\nscopes: ${'['.repeat(100_000)}`, /^2 /],
    [`realm: a\na: &a [x]\nb: &b [${'*a,'.repeat(50)}]\nc: &c [${'*b,'.repeat(50)}]\nd: *c\n`, /^1 /],
    ['just a text', /^1 {2}invalid$/],
    ['- realm: a\n', /^1 {2}invalid$/],
    ['null', / {2}invalid$/],
    ['realm: a\n<<: { roles: [x] }\n', /^2 \? invalid$/],
    ['realm: a\nroles: [010]\n', /^2 roles\[0\] invalid$/],
    ['realm: a\n---\nrealm: a\n', /^3 realm invalid$/],
    [
      'realm: a\nservice_accounts: [{ client_id: x }, { client_id: x }]\n',
      /^2 service_accounts\[1\] invalid$/,
    ],
  ] as const) {
    const [first] = await faultsOf(apply(text))
    t.match(first, told, text.slice(0, 60))
  }
})

t.test('a secret in the wrong place is not repeated', async (t) => {
  const { apply } = await opened(t)
  const text =
    'realm: acme\nservice_accounts:\n  - client_id: 7\n    client_secret: hunter2-hunter2\n    hunter2-is/it: x\n'
  const error = await apply(text).catch((one: Error) => one)
  t.match(String(error), /client_secret/)
  t.notMatch(String(error), /hunter2/)
})

t.test(
  'settings that are refused are told by their names, of a new realm and of one that is there',
  async (t) => {
    const { apply } = await opened(t)
    const text = 'realm: acme\nroles: [ops]\ntoken_lifetime_seconds: 5\n'
    const expected = ['3 token_lifetime_seconds invalid']
    t.same(await faultsOf(apply(text)), expected)
    await apply('realm: acme\n')
    t.same(await faultsOf(apply(text)), expected)
    t.same(await faultsOf(apply('# none yet\nrealm: system\n')), ['2 realm invalid'])
  },
)

t.test('a file makes and keeps platform administrators in realm system', async (t) => {
  const { apply, operations } = await opened(t)
  await operations.bootstrap.createAdministrator('root', 'a-long-secret-of-root')
  const { jwk } = testKeyPair()
  const boss = { client_id: 'boss', roles: ['platform-admin'], keys: [{ jwk }] }
  t.same(
    told(await apply(JSON.stringify({ realm: 'system', service_accounts: [boss] })))[0],
    '+ service_account boss',
  )
  const without = JSON.stringify({ realm: 'system', service_accounts: [boss] })
  t.same(told(await apply(without, { prune: true })), ['- service_account root'])
  const demoted = JSON.stringify({ realm: 'system', service_accounts: [{ client_id: 'boss', roles: [] }] })
  t.same(await faultsOf(apply(demoted)), ['1 service_accounts[0] last_administrator'])
})
