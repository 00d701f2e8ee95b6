import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { DEFAULT_REALM_SETTINGS } from '../../src/domain/realm.ts'
import { RealmFile, SETTING_NAMES } from '../../src/operations/realm-files/realm-file-schema.ts'
import { mintmark as command } from '../support/command.ts'
import { fullRealm } from '../support/full-realm.ts'
import { testDatabase } from '../support/postgres.ts'
import { type Environment, onDatabase } from '../support/process.ts'
import { testServer } from '../support/server.ts'

type Test = Parameters<typeof testDatabase>[0]

async function opened(t: Test, databaseUrl?: string) {
  const env: Environment = onDatabase(databaseUrl ?? (await testDatabase(t)))
  const run = (args: string[], input = '') => command(args, env, { input })
  const apply = (input: string, ...args: string[]) => run(['apply', '-f', '-', ...args], input)
  return { run, apply }
}

const TEXT = `realm: acme
roles: [ops]
resources:
  - { type: device, id: d1 }
service_accounts:
  - client_id: ci
    roles: [ops]
    grants:
      - { role: view, type: device, id: d1 }
`

t.test('a dry run prints the plan as a diff and exits 2, and 0 where nothing would change', async (t) => {
  const { apply } = await opened(t)
  const planned = await apply(TEXT, '--dry-run')
  t.equal(planned.code, 2)
  t.equal(
    planned.stdout,
    `realm acme
  + realm acme
      roles: ops
  + resource device/d1
  + service account ci
      name: ci
      enabled: true
      roles: ops
      auth_methods: client_secret
  + grant view on device/d1 of ci
  ! ci has no secret yet: mintmark service-account reset-secret --realm acme ci
4 to create, 0 to change, 0 to delete.
`,
  )
  t.match(await apply(TEXT), { code: 0, stdout: /\n4 created, 0 changed, 0 deleted\.\n$/ })
  t.same(await apply(TEXT, '--dry-run'), {
    code: 0,
    stdout: 'realm acme: no changes\n0 to create, 0 to change, 0 to delete.\n',
    stderr: '',
  })
  const changed = TEXT.replace('roles: [ops]\nres', 'roles: [ops, dev]\nres').replace(
    '    roles: [ops]',
    '    roles: [dev, view]',
  )
  const { stdout } = await apply(changed, '--dry-run')
  t.match(
    stdout,
    / {2}~ realm acme\n {6}roles: \+dev\n {2}~ service account ci\n {6}roles: \+dev \+view -ops\n/,
  )
  const json = await apply(changed, '--dry-run', '--json')
  t.equal(json.code, 2)
  t.match(JSON.parse(json.stdout), {
    dry_run: true,
    created: 0,
    updated: 2,
    deleted: 0,
    realms: [{ realm: 'acme', changes: [{ action: 'update', kind: 'realm' }, { kind: 'service_account' }] }],
  })
})

t.test('an account of a file has no secret, and gets one by command', async (t) => {
  const { run, apply } = await opened(t)
  await apply(TEXT)
  const reset = await run(['service-account', 'reset-secret', '--realm', 'acme', 'ci', '--json'])
  t.match(JSON.parse(reset.stdout), { client_id: 'ci', client_secret: /^mm_/ })
  t.match(await apply(TEXT, '--dry-run', '--prune'), { code: 0 })
})

t.test('faults are told at once with their lines, as text and as JSON', async (t) => {
  const { run, apply } = await opened(t)
  const text = 'realm: acme\nservice_accounts:\n- { client_id: a, rolez: [] }\n- client_id: b\n  roles: 7\n'
  const plain = await apply(text)
  t.match(plain, { code: 1, stdout: '' })
  t.match(
    plain.stderr,
    /^mintmark: line 3: service_accounts\[0\]\.rolez: There is no such member: .*\nline 5: service_accounts\[1\]\.roles: /,
  )
  const json = await apply(text, '--json')
  t.match(JSON.parse(json.stderr), {
    code: 'realm_file',
    faults: [
      { path: 'service_accounts[0].rolez', line: 3 },
      { path: 'service_accounts[1].roles', line: 5 },
    ],
  })
  t.match(await run(['realm', 'show', 'acme']), { code: 3 })
})

t.test('a folder is all the realm files in it', async (t) => {
  const { run } = await opened(t)
  const folder = t.testdir({
    'a.yaml': 'realm: a\n',
    'b.json': '{"realm":"b"}',
    'notes.txt': 'no',
    '.hidden.yaml': 'no',
  })
  t.match(await run(['apply', '-f', folder]), { code: 0, stdout: /realm a\n(?:.*\n)*realm b\n/ })
  writeFileSync(join(folder, 'b.json'), '{"realm":"b","x":1}')
  t.match(await run(['apply', '-f', folder]), { code: 1, stderr: /b\.json: line 1: x: / })
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  t.match(await run(['apply', '-f', empty]), { code: 1, stderr: /has no file/ })
  writeFileSync(join(folder, 'c.yaml'), Buffer.from([0x72, 0xff]))
  t.match(await run(['apply', '-f', folder]), { code: 1, stderr: /c\.yaml is not UTF-8/ })
  t.match(await run(['apply', '-f', '/proc/none']), { code: 1, stderr: /cannot be read: ENOENT/ })
  t.match(await run(['apply']), { code: 2, stderr: /--file/ })
})

t.test('prune deletes what the file does not name', async (t) => {
  const { run, apply } = await opened(t)
  await apply(TEXT)
  const less = TEXT.replace('client_id: ci', 'client_id: other')
  t.match(await apply(less, '--prune', '--dry-run'), { code: 2, stdout: / {2}- service account ci\n/ })
  t.match(await apply(less, '--prune', '--yes'), { code: 0, stdout: /1 deleted/ })
  t.match(await run(['service-account', 'show', '--realm', 'acme', 'ci']), { code: 3 })
})

t.test('the schema that is printed is the one of the check', async (t) => {
  const { operations, databaseUrl } = await testServer(t)
  await fullRealm(operations, 'acme')
  const { run, apply } = await opened(t, databaseUrl)
  const { stdout } = await run(['apply', '--schema'])
  const shipped = readFileSync(join(import.meta.dirname, '../../schemas/realm.schema.json'), 'utf8')
  t.same(JSON.parse(shipped), JSON.parse(stdout), 'mintmark apply --schema > schemas/realm.schema.json')
  const ajv = new Ajv2020({ allowUnionTypes: true, allErrors: true })
  formats.default(ajv as never)
  const validate = ajv.compile(JSON.parse(stdout))
  const { stdout: exported } = await run(['export', '--realm', 'acme'])
  t.ok(validate(parse(exported)), 'an export is good')
  t.same(parse(exported), JSON.parse((await run(['export', '--realm', 'acme', '--json'])).stdout))
  for (const bad of [
    {},
    { realm: 'acme', x: 1 },
    { realm: 'acme', service_accounts: [{ client_id: 'x', keys: [{ d: 1 }] }] },
  ]) {
    t.notOk(validate(bad))
    t.equal((await apply(JSON.stringify(bad))).code, 1)
  }
  t.same(
    Object.keys(parse(exported)),
    Object.keys(RealmFile.properties),
    'an export names all that a file may',
  )
})

t.test('a realm file has all settings of a realm', async (t) => {
  const wire = Object.keys(DEFAULT_REALM_SETTINGS).map((name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  )
  t.same([...SETTING_NAMES].sort(), wire.sort())
})

t.test('an unknown realm cannot be exported', async (t) => {
  const { run } = await opened(t)
  t.match(await run(['export', '--realm', 'none']), { code: 3, stdout: '' })
})
