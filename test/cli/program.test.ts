import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { failureOf } from '../../src/cli/failure.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, mintmark as startMintmark, temporaryFolder } from '../support/process.ts'
import { MASTER_KEY } from '../support/server.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
const SHIFTED_CLOCK = join(import.meta.dirname, '../support/shifted-clock.mjs')

t.test('each command works as a program of its own, and prints its answer alone', async (t) => {
  const env = onDatabase(await testDatabase(t))
  const inAcme = ['--realm', 'acme', '--json']
  const answer = async (args: string[], input?: string) => {
    const { code, stdout, stderr } = await startMintmark(args, env, input === undefined ? {} : { input })
    t.match({ code, stderr }, { code: 0, stderr: /^$/ }, args.join(' '))
    return JSON.parse(stdout)
  }
  t.match(await answer(['realm', 'create', 'acme', '--role', 'deployer', '--json']), { name: 'acme' })
  const secret = ['--client-id', 'ci', '--client-secret-stdin']
  const made = ['service-account', 'create', ...inAcme, '--name', 'CI', ...secret]
  t.match(await answer(made, 'correct horse\n'), { client_id: 'ci' })
  t.match(await answer(['resource', 'import', ...inAcme], '{"type":"device","id":"d1"}'), { created: 1 })
  t.match(await answer(['grant', 'add', ...inAcme, 'ci', 'deployer', 'device/d1']), { added: true })
  t.match(await answer(['key', 'list', ...inAcme]), [{ state: 'current' }])
  t.match(await answer(['portal-link', ...inAcme]), { url: /^http/ })
  t.match(await answer(['audit', 'list', ...inAcme, '--action', 'grant.add']), [{ actor: { kind: 'cli' } }])
  t.match(await answer(['policy', 'show', '--json']), { realms_beyond: [] })
  t.match(await answer(['master-key', 'rotate', '--json']), { resealed: 0 })
  t.same(await answer(['migrate', '--json']), { applied: [] })
})

t.test('wrong usage prints help and exits with 2', async (t) => {
  for (const args of [
    [],
    ['relam'],
    ['realm'],
    ['realm', 'create'],
    ['key', 'list'],
    ['realm', 'list', '--jsno'],
  ]) {
    const { code, stdout, stderr } = await startMintmark(args, {})
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /Usage: mintmark/)
  }
})

t.test('help needs no configuration', async (t) => {
  const { code, stdout, stderr } = await startMintmark(['--help'], { PORT: 'none' })
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const command of ['serve', 'migrate', 'realm', 'service-account', 'key', 'master-key'])
    t.match(stdout, new RegExp(`^  ${command} `, 'm'))
})

t.test(
  'a checkout has the command as a script, with nothing on standard output but the answer',
  async (t) => {
    const args = ['run', '--silent', 'mintmark', '--', 'master-key', 'generate']
    const { stdout } = await promisify(execFile)('npm', args, { cwd: CHECKOUT })
    t.match(stdout, /^[\w-]{43}\n$/)
  },
)

t.test('npx finds the command that the package declares', async (t) => {
  const { bin } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
  t.match(readFileSync(join(CHECKOUT, bin.mintmark), 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

t.test('migrations are applied once, and any command finds them applied', async (t) => {
  const env = onDatabase(await testDatabase(t, { migrate: false }))
  const { applied } = JSON.parse((await mintmark(['migrate', '--json'], env)).stdout)
  t.match(applied[0], /^0001_/)
  t.equal((await mintmark(['migrate'], env)).stdout, 'Nothing was pending.\n')
  t.match(
    (await mintmark(['migrate'], onDatabase(await testDatabase(t, { migrate: false })))).stdout,
    /^Applied: 0001_.*\.\nWhere the server connects as another role, run docs\/database-roles\.sql\.\n$/,
  )
})

t.test('the master key is replaced without losing a key', async (t) => {
  const env = onDatabase(await testDatabase(t))
  await mintmark(['realm', 'create', 'acme'], env)
  const { master_key } = JSON.parse((await mintmark(['master-key', 'generate', '--json'], {})).stdout)
  t.match(master_key, /^[\w-]{43}$/)

  const both = { ...env, MASTER_KEY: `${master_key},${MASTER_KEY}` }
  t.match((await mintmark(['master-key', 'rotate'], both)).stdout, /^Keys sealed anew: [2-9]\.\n$/)
  t.same(JSON.parse((await mintmark(['master-key', 'rotate', '--json'], both)).stdout), { resealed: 0 })
  const compromised = ['master-key', 'rotate', '--after-compromise']
  t.match(JSON.parse((await mintmark([...compromised, '--json'], both)).stdout), {
    resealed: 0,
    realms: 1,
    signing_keys_revoked: 1,
    portal_sessions_ended: 0,
  })
  t.match(
    (await mintmark(compromised, both)).stdout,
    /Next: restart every server[\s\S]*Reset every secret that was imported/,
  )
  t.equal((await mintmark(['key', 'rotate', '--realm', 'acme'], { ...env, MASTER_KEY: master_key })).code, 0)
  const { code, stderr } = await mintmark(['realm', 'list'], env)
  t.equal(code, 1)
  t.match(stderr, /^mintmark: the master key does not open the keys in the database .*\n$/)
})

t.test('a new master key opens everywhere before it seals anywhere, as the help says', async (t) => {
  const { stdout } = await mintmark(['master-key', '--help'], {})
  t.match(
    stdout,
    /1\. .*behind the old one[\s\S]*2\. .*before the old one[\s\S]*3\. mintmark master-key rotate[\s\S]*4\. take/,
  )
})

t.test('a machine whose clock is off administers nothing', async (t) => {
  const env = onDatabase(await testDatabase(t))
  const NODE_OPTIONS = `${process.env['NODE_OPTIONS'] ?? ''} --import=${SHIFTED_CLOCK}`
  const listed = (seconds: number) =>
    startMintmark(['realm', 'list', '--json'], { ...env, NODE_OPTIONS, CLOCK_SHIFT: `${seconds * 1000}` })
  t.match(await listed(50), { code: 0, stdout: '[]\n' })
  for (const [seconds, how] of [
    [3600, /The clock of this machine is 36\d\d s ahead of the database's: /],
    [-3600, /The clock of this machine is 3[56]\d\d s behind the database's: /],
  ] as const)
    t.match(await listed(seconds), { code: 4, stdout: /^$/, stderr: how })
})

t.test('a master key file that holds no key is a clear error', async (t) => {
  const DATA_DIR = temporaryFolder(t)
  writeFileSync(join(DATA_DIR, 'master-key'), '\n')
  const { code, stderr } = await startMintmark(['serve'], { DATA_DIR, PORT: '0' })
  t.equal(code, 1)
  t.match(stderr, /master-key must hold keys of 32 bytes in base64url, one a line/)
})

t.test('an internal fault prints its stack', async (t) => {
  t.match(failureOf(new TypeError('oops')), {
    exitCode: 1,
    code: 'unexpected',
    detail: /^unexpected: TypeError: oops\n +at .*program\.test\.ts/,
  })
})

t.test('only the server makes a database; another command in the wrong folder says so', async (t) => {
  const DATA_DIR = temporaryFolder(t)
  for (const args of [['realm', 'list'], ['realm', 'create', 'acme'], ['migrate']]) {
    const { code, stdout, stderr } = await startMintmark(args, { DATA_DIR })
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, /^mintmark: there is no database in .*: set DATABASE_URL .* mintmark serve\n$/)
  }
  t.same(readdirSync(DATA_DIR), [])
})

t.test('the program tells its version', async (t) => {
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
  t.match(await startMintmark(['--version'], {}), { code: 0, stdout: `${version}\n` })
})
