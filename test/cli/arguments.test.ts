import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { moment } from '../../src/cli/arguments.ts'
import { testDatabase } from '../support/postgres.ts'
import { mintmark, onDatabase } from '../support/process.ts'
import { databaseProxy } from '../support/proxy.ts'

t.test('a time says its zone', async (t) => {
  t.equal(moment('2026-11-25T12:00:00Z').toISOString(), '2026-11-25T12:00:00.000Z')
  t.equal(moment('2026-11-25T12:00:00.5+05:30').toISOString(), '2026-11-25T06:30:00.500Z')
  for (const text of [
    '2026-11-25T12:00:00',
    '2026-11-25',
    '2026-11-25 12:00:00Z',
    '2026-11-25T12:00Z',
    '2026-02-30T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-11-25T24:00:00Z',
    '2026-11-25T12:00:00+0100',
    '2026-11-25T12:00:00 CET',
    'now',
  ])
    t.throws(() => moment(text), /like 2026-11-25T12:00:00Z or/, text)
})

t.test('every option that is a time refuses one without a zone, wherever the command runs', async (t) => {
  for (const args of [
    ['audit', 'list', '--from', '2026-11-28T21:53:01'],
    ['audit', 'list', '--to', '2026-11-28T21:53:01'],
    ['service-account', 'rotate-secret', '--realm', 'acme', 'x', '--old-expires-at', '2026-11-28T21:53:01'],
  ])
    t.match(
      await mintmark(args, { TZ: 'Asia/Tokyo' }),
      { code: 2, stderr: /with its zone, like/ },
      args.join(' '),
    )
})

t.test(
  'a uid without a name runs commands, as "uid <number>" in the trail',
  {
    skip: process.getuid?.() !== 0 && 'takes root',
  },
  async (t) => {
    const env = onDatabase(await testDatabase(t))
    const proxy = await databaseProxy(t, env['DATABASE_URL'] as string)
    await proxy.open()
    const setpriv = ['--reuid=12345', '--regid=0', '--clear-groups', process.execPath, 'src/mintmark.js']
    await promisify(execFile)('setpriv', [...setpriv, 'realm', 'create', 'acme'], {
      env: { PATH: process.env['PATH'], ...env, DATABASE_URL: proxy.databaseUrl },
    })
    const { stdout } = await mintmark(['audit', 'list', '--realm', 'acme', '--json'], env)
    t.match(JSON.parse(stdout).at(-1).actor, { kind: 'cli', id: 'uid 12345' })
  },
)
