import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'
import { requestToken } from '../support/token.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)
const { url } = await startServer(t, env)

/** Runs a command of service accounts and reads its answer. */
async function answer(command: string, ...args: string[]) {
  const { stdout } = await mintmark(['service-account', command, '--realm', 'acme', '--json', ...args], env)
  return JSON.parse(stdout)
}

const status = async (credentials: { client_id: string; client_secret: string }) =>
  (await requestToken(url, 'acme', credentials)).status

t.test('a service account lives from its creation to its deletion', async (t) => {
  const made = await answer('create', '--name', ' Build  ', '--description', 'CI', '--scope', 'view')
  const { client_id, client_secret, created_at, updated_at, ...rest } = made
  t.match(client_id, /^sa_\w{1,61}$/)
  t.match(client_secret, /^mm_[0-9A-Za-z]{49}$/)
  t.equal(updated_at, created_at)
  t.match(rest, {
    name: 'Build',
    description: 'CI',
    realm: 'acme',
    roles: ['view'],
    scopes: ['view'],
    enabled: true,
    last_used_at: null,
  })
  t.equal(await status(made), 200)

  const audience = JSON.parse((await mintmark(['realm', 'show', 'acme', '--json'], env)).stdout).issuer
  t.same((await answer('update', client_id, '--introspects-audience', audience)).introspects_audiences, [
    audience,
  ])
  t.match((await mintmark(['service-account', 'show', '--realm', 'acme', client_id], env)).stdout, audience)
  t.equal((await answer('update', client_id, '--no-introspects-audience')).introspects_audiences, null)
  const server = await answer('create', '--name', 'API', '--introspects-audience', audience)
  t.same(server.introspects_audiences, [audience])
  t.same((await answer('delete', server.client_id)).deleted, true)

  const shown = await answer('show', client_id)
  t.notOk('client_secret' in shown, 'the secret is shown once')
  t.same(
    (await answer('list')).map((each: { client_id: string }) => each.client_id),
    [client_id],
  )

  t.equal((await answer('disable', client_id)).enabled, false)
  t.equal(await status(made), 401)
  t.equal((await answer('enable', client_id)).enabled, true)
  t.equal(await status(made), 200)

  const { updated_at: before } = await answer('show', client_id)
  t.not((await answer('revoke-tokens', client_id)).updated_at, before)
  t.equal(await status(made), 200)

  const reset = await answer('reset-secret', client_id)
  t.equal(await status(made), 401)
  t.equal(await status(reset), 200)

  t.same(await answer('delete', client_id), { client_id, realm: 'acme', deleted: true })
  t.equal(await status(reset), 401)
  t.same(await answer('list'), [])
})

t.test('people get columns, and are told to keep the secret', async (t) => {
  const run = async (...args: string[]) =>
    (await mintmark(['service-account', ...args, '--realm', 'acme'], env)).stdout
  t.match(
    await run('list'),
    /^Realm acme has no service accounts yet\. Make one: mintmark service-account create/,
  )
  const made = await run('create', '--name', 'Räksmörgås 🦐', '--role', 'operate', '--role', 'view')
  t.match(
    made,
    /^client_id {6}sa_\w+\nclient_secret {2}mm_\w+\nname {11}Räksmörgås 🦐\nrealm {10}acme\nroles {10}operate view\n/,
  )
  t.match(made, /\nKeep the secret now: it is not stored and cannot be shown again\.\n$/)
  const clientId = /sa_\w+/.exec(made)?.[0] as string
  t.match(await run('disable', clientId), /\nstate {6}disabled since \d{4}-\S+Z\n/)
  t.match(
    await run('list'),
    /^CLIENT_ID +NAME +ROLES +STATE +CREATED +LAST USED\nsa_\w+ {2}Räksmörgås 🦐 {2}operate view {2}disabled {2}\S+Z\n$/,
  )
  t.equal(await run('delete', clientId), `Deleted ${clientId}.\n`)
})

t.test('a client brings its own credentials, and its secret is not repeated', async (t) => {
  const args = ['service-account', 'create', '--realm', 'acme', '--name', 'Old', '--client-id', 'old.client']
  const { stdout, code } = await mintmark([...args, '--client-secret-stdin', '--json'], env, {
    input: 'correct horse\n',
  })
  t.equal(code, 0)
  t.notMatch(stdout, /horse/)
  t.equal(JSON.parse(stdout).client_id, 'old.client')
  t.equal(await status({ client_id: 'old.client', client_secret: 'correct horse' }), 200)
  t.equal(await status({ client_id: 'old.client', client_secret: 'correct horse\n' }), 401)

  const short = await mintmark([...args, '--client-secret-stdin'], env, { input: 'seven77' })
  t.equal(short.code, 1)
  t.match(short.stderr, /12 to 256 printable characters/)
  t.notMatch(short.stderr, /seven77/)
  for (const half of [args, [...args.slice(0, -2), '--client-secret-stdin']]) {
    const { code, stderr } = await mintmark(half, env, { input: 'correct horse' })
    t.equal(code, 1)
    t.match(stderr, /--client-id and --client-secret-stdin go together/)
  }
})

t.test('an unknown object is reported as not found', async (t) => {
  for (const command of ['show', 'reset-secret', 'disable', 'enable', 'delete']) {
    const { code, stdout, stderr } = await mintmark(
      ['service-account', command, '--realm', 'acme', 'sa_0'],
      env,
    )
    t.equal(code, 3)
    t.equal(stdout, '')
    t.equal(stderr, 'mintmark: Realm acme has no service account sa_0.\n')
  }
  const { stderr } = await mintmark(['service-account', 'list', '--realm', 'none'], env)
  t.equal(stderr, 'mintmark: There is no realm none.\n')
})
