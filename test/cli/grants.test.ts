import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme', '--role', 'deployer', '--resource-type', 'site'], env)
const made = await mintmark(['service-account', 'create', '--realm', 'acme', '--name', 'CI', '--json'], env)
const { client_id: clientId } = JSON.parse(made.stdout)

const run = (args: string[], input?: string) =>
  mintmark([...args, '--realm', 'acme'], env, input === undefined ? {} : { input })
const answer = async (args: string[], input?: string) =>
  JSON.parse((await run([...args, '--json'], input)).stdout)

const LINES = [
  { type: 'device_group', id: 'eu-edge', name: 'Edge, Europe' },
  { type: 'device', id: 'd1', name: 'Boiler', groups: ['eu-edge'] },
  { type: 'site', id: 'hq' },
].map((line) => JSON.stringify(line))

t.test('resources are imported from a file or standard input, listed, searched and deleted', async (t) => {
  t.match((await run(['resource', 'list'])).stdout, /^There are none\. Make some: mintmark resource import/)
  const file = join(t.testdir({}), 'devices.ndjson')
  writeFileSync(file, LINES.join('\n'))
  t.equal(
    (await run(['resource', 'import', file])).stdout,
    'created: 3\nupdated: 0\nunchanged: 0\nrefused: 0\n',
  )
  t.same(await answer(['resource', 'import'], LINES.join('\n')), {
    created: 0,
    updated: 0,
    unchanged: 3,
    refused: 0,
    refused_lines: [],
  })
  t.match((await run(['resource', 'list'])).stdout, /^TYPE +ID +NAME +GROUPS\ndevice +d1 +Boiler +eu-edge\n/)
  const found = await answer(['resource', 'list', '--search', 'boil', '--type', 'device'])
  t.match(found, [{ type: 'device', id: 'd1', name: 'Boiler', groups: ['eu-edge'] }])
  t.same(await answer(['resource', 'delete', 'site/hq']), { type: 'site', id: 'hq', deleted: true })
  const gone = await run(['resource', 'delete', 'site/hq'])
  t.equal(gone.code, 3)
  t.equal(gone.stderr, 'mintmark: Realm acme has no site hq.\n')
})

t.test('an import with lines that are refused tells them and fails', async (t) => {
  const { code, stdout, stderr } = await run(['resource', 'import', '--json'], `{}\n${LINES[0]}\nnonsense\n`)
  t.equal(code, 1)
  t.match(JSON.parse(stdout), {
    unchanged: 1,
    refused: 2,
    refused_lines: [{ line: 1, field: 'type' }, { line: 3 }],
  })
  t.match(
    JSON.parse(stderr).detail,
    /^lines that were refused: 2\n {2}line 1: type must be.+\n {2}line 3: The line is not JSON\.$/,
  )
  const missing = await run(['resource', 'import', '/proc/none/file'])
  t.match(missing, { code: 1, stderr: 'mintmark: /proc/none/file cannot be read: ENOENT\n' })
})

t.test('grants are given, listed and taken away', async (t) => {
  t.match((await run(['grant', 'list', clientId])).stdout, /^It has no grants\. Give one: mintmark grant add/)
  const grant = ['operate', 'device_group/eu-edge']
  t.same(await answer(['grant', 'add', clientId, ...grant]), {
    role: 'operate',
    type: 'device_group',
    id: 'eu-edge',
    added: true,
  })
  t.equal(
    (await run(['grant', 'add', clientId, ...grant])).stdout,
    `${clientId} had operate on device_group/eu-edge already.\n`,
  )
  t.match(await answer(['grant', 'list', clientId]), [
    { role: 'operate', id: 'eu-edge', name: 'Edge, Europe' },
  ])
  t.match(
    (await run(['grant', 'list', clientId])).stdout,
    /^ROLE +ON +NAME +SINCE\noperate +device_group\/eu-edge +Edge, Europe/,
  )
  t.equal((await answer(['grant', 'remove', clientId, ...grant])).removed, true)
  const gone = await run(['grant', 'remove', clientId, ...grant])
  t.match(gone, { code: 3, stderr: /It has no role operate on device_group eu-edge/ })
  const unnamed = await run(['grant', 'add', clientId, 'operate', 'eu-edge'])
  t.match(unnamed, { code: 1, stderr: /A resource is named type\/id/ })
})

t.test('roles on the whole realm come and go', async (t) => {
  t.same(await answer(['role', 'add', clientId, 'deployer']), ['view', 'deployer'])
  t.equal((await run(['role', 'list', clientId])).stdout, 'view\ndeployer\n')
  t.same(await answer(['role', 'remove', clientId, 'view']), ['deployer'])
  t.equal((await run(['role', 'remove', clientId, 'deployer'])).stdout, 'It has no roles.\n')
  t.match(await run(['role', 'add', clientId, 'nothing']), {
    code: 1,
    stderr: /roles must be different ones of/,
  })
})

t.test('an account is made like another one, where no option says otherwise', async (t) => {
  const pattern = [
    'service-account',
    'create',
    '--name',
    'Pattern',
    '--role',
    'deployer',
    '--quota',
    '5/hour',
  ]
  const { client_id: like } = await answer([
    ...pattern,
    ...['--metadata', 'team=a', '--allowed-network', '10.0.0.0/8', '--expires-at', '2099-01-01T00:00:00Z'],
  ])
  await run(['resource', 'import'], LINES.join('\n'))
  await run(['grant', 'add', like, 'view', 'site/hq'])
  const made = await answer([
    'service-account',
    'create',
    '--name',
    'Like it',
    '--like',
    like,
    '--quota',
    '7/day',
  ])
  t.match(made, {
    name: 'Like it',
    roles: ['deployer'],
    metadata: { team: 'a' },
    allowed_networks: ['10.0.0.0/8'],
    quota: { tokens_per_day: 7 },
    expires_at: null,
  })
  t.match(made.client_secret, /^mm_/)
  t.match(await answer(['grant', 'list', made.client_id]), [{ role: 'view', type: 'site', id: 'hq' }])
  const none = await run(['service-account', 'create', '--name', 'No', '--like', 'nobody'])
  t.equal(none.code, 3)
})
