import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { runCommand } from '../../src/cli/program.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { type Environment, onDatabase, mintmark as startMintmark } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme', '--service-account-limit', '1'], env)

t.test(
  'a failure under --json is one JSON value on standard error, and its exit code says its kind',
  async (t) => {
    const inAcme = ['service-account', 'create', '--realm', 'acme', '--name']
    await mintmark([...inAcme, 'first'], env)
    const cases: [string[], number, Record<string, unknown>][] = [
      [['realm', 'show', 'none'], 3, { code: 'not_found', field: 'realm' }],
      [['service-account', 'show', '--realm', 'acme', 'none'], 3, { code: 'not_found', field: 'client_id' }],
      [['realm', 'create', 'acme'], 4, { code: 'name_taken' }],
      [[...inAcme, 'second'], 4, { code: 'limit_reached', limit: 1 }],
      [['realm', 'create', 'Acme'], 1, { code: 'invalid', field: 'name' }],
      [['realm', 'create'], 2, { code: 'usage', detail: "missing required argument 'name'" }],
      [['relam'], 2, { code: 'usage', detail: /unknown command 'relam'/ }],
      [['realm', 'list', '--jsno'], 2, { code: 'usage', detail: /unknown option '--jsno'/ }],
      [['realm', 'show', '-x'], 2, { code: 'usage', detail: /option '-x'; write -- before a value that/ }],
    ]
    for (const [args, wanted, json] of cases) {
      const { code, stdout, stderr } = await mintmark([...args, '--json'], env)
      t.equal(code, wanted, args.join(' '))
      t.equal(stdout, '')
      t.match(JSON.parse(stderr), json)
    }
  },
)

t.test('a database that is away, and faults of the environment, are told apart', async (t) => {
  const away = { ...env, DATABASE_URL: 'postgres://mintmark@127.0.0.1:1/none' }
  const { code, stderr } = await mintmark(['realm', 'list', '--json'], away)
  t.equal(code, 6)
  t.match(JSON.parse(stderr), { code: 'unavailable', detail: /could not be reached/ })
  const wrong = await mintmark(['realm', 'list', '--json'], { ...env, PORT: 'none' })
  t.equal(wrong.code, 1)
  t.match(JSON.parse(wrong.stderr), { code: 'configuration', detail: /PORT/ })
})

t.test('a usage fault is the last thing on the screen, below the help', async (t) => {
  const { code, stderr } = await mintmark(['realm', 'create', 'a', '--token-lifetime', 'x'], env)
  t.equal(code, 2)
  t.match(
    stderr,
    /^\n?Usage: mintmark realm create[\s\S]*\nmintmark: .*'x' is invalid\. It must be a whole number\.\n$/,
  )
})

t.test('help finds commands of any depth, and says what exit codes mean', async (t) => {
  const { code, stdout } = await mintmark(['help', 'realm', 'update'], {})
  t.equal(code, 0)
  t.match(stdout, /^Usage: mintmark realm update /)
  t.match((await mintmark(['help'], {})).stdout, /Exit codes: 0 done, .*3 not found/)
  const unknown = await mintmark(['help', 'realm', 'updte'], {})
  t.match(unknown, { code: 2, stderr: /unknown command 'updte'/ })
})

t.test('MINTMARK_REALM names the realm of commands that want one, and --realm wins over it', async (t) => {
  const inEnvironment = { ...env, MINTMARK_REALM: 'acme' }
  const listed = await startMintmark(['service-account', 'list', '--json'], inEnvironment)
  t.match(JSON.parse(listed.stdout), [{ name: 'first', realm: 'acme' }])
  const other = await startMintmark(['service-account', 'list', '--realm', 'none'], inEnvironment)
  t.equal(other.code, 3)
})

/** Runs a command at a terminal where a person types that. */
async function atTerminal(args: readonly string[], environment: Environment, typed: string) {
  let said = ''
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  stdin.end(typed)
  const stderr = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        said += chunk.toString()
        done()
      },
    }),
    { isTTY: true },
  )
  const stdout = new PassThrough().resume()
  const serve = async (): Promise<never> => {
    throw new Error('no server')
  }
  const code = await runCommand(['node', 'mintmark', ...args], environment, serve, { stdin, stdout, stderr })
  return { code, said }
}

t.test(
  'at a terminal, what cannot be undone asks first; any answer but yes, or none, does nothing',
  async (t) => {
    const [account] = JSON.parse(
      (await mintmark(['service-account', 'list', '--realm', 'acme', '--json'], env)).stdout,
    )
    const [key] = JSON.parse((await mintmark(['key', 'list', '--realm', 'acme', '--json'], env)).stdout)
    const isThere = async () =>
      (await mintmark(['service-account', 'show', '--realm', 'acme', account.client_id], env)).code === 0
    const remove = ['service-account', 'delete', '--realm', 'acme', account.client_id]
    for (const typed of ['n\n', '\n', 'yeah\n', '']) {
      t.match(await atTerminal(remove, env, typed), { code: 1, said: /\(first\) of realm acme\? \[y\/N\]/ })
      t.ok(await isThere(), JSON.stringify(typed))
    }
    const revoke = ['key', 'revoke', '--realm', 'acme', key.kid]
    t.match(await atTerminal(revoke, env, 'no\n'), { code: 1, said: /Nothing was done/ })
    const end = ['service-account', 'revoke-tokens', '--realm', 'acme', account.client_id]
    t.match(await atTerminal(end, env, 'no\n'), { code: 1, said: /Nothing was done/ })
    const withYes = await atTerminal([...end, '--yes'], env, '')
    t.match(withYes, { code: 0, said: /^$/ }, '--yes is an answer')
    t.match(await atTerminal(remove, env, 'Y\n'), { code: 0 })
    t.notOk(await isThere())
  },
)

t.test('lists can be narrowed and cut, and an age is a time', async (t) => {
  await mintmark(['realm', 'create', 'many'], env)
  for (const name of ['edge one', 'edge two', 'core'])
    await mintmark(['service-account', 'create', '--realm', 'many', '--name', name], env)
  const names = async (...args: string[]) =>
    JSON.parse(
      (await mintmark(['service-account', 'list', '--realm', 'many', '--json', ...args], env)).stdout,
    ).map(({ name }: { name: string }) => name)
  t.same(await names('--name', 'EDGE'), ['edge one', 'edge two'])
  t.same(await names('--limit', '2'), ['core', 'edge one'])
  t.same(await names('--unused-since', '1d'), [], 'made after that')
  t.same(await names('--unused-since', '1s', '--name', 'none of these'), [])
  const none = await mintmark(['service-account', 'list', '--realm', 'many', '--name', 'x'], env)
  t.equal(none.stdout, 'None.\n')
  const events = await mintmark(
    ['audit', 'list', '--realm', 'many', '--from', '1h', '--limit', '1', '--json'],
    env,
  )
  t.equal(JSON.parse(events.stdout).length, 1)
  t.match(events.stderr, /There are more events/)
  const wrong = await mintmark(['audit', 'list', '--from', '1 day'], env)
  t.match(wrong, { code: 2, stderr: /It must be a time with its zone, .*, or an age like 90m, 12h or 7d\./ })
})
