import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { TESTER, testServer } from '../support/server.ts'

const SECRET = 'kX8vq2WtR7nPz4mBkX8vq2WtR7nPz4mB'
const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
const { app, operations } = await testServer(t, { clock })
for (const [realm, roles] of [
  ['old', ['view', 'billing', 'reports']],
  ['same', ['reports', 'billing', 'view']],
  ['other', ['view']],
] as const) {
  await operations.realms.create(TESTER, realm, { roles: ['billing', 'reports'], audiences: ['warehouse'] })
  const lines = ['ci', 'cd'].map((id) => ({ client_id: id, name: id, roles, client_secret: SECRET }))
  await operations.accounts.import(TESTER, realm, lines)
}
const url = await app.listen({ port: 0, host: '127.0.0.1' })

const FILE = ['ci', 'cd'].map((id) => JSON.stringify({ client_id: id, client_secret: SECRET })).join('\n')
const compare = (realm: string, ...args: string[]) =>
  mintmark(
    ['compare', '--realm', realm, '--server', url, '--old', url, '--old-realm', 'old', ...args],
    {},
    {
      input: FILE,
    },
  )
const OWN = ['--ignore', 'claims.iss', '--ignore', 'claims.status']

t.test('compare ends well where both servers give the same tokens and refusals', async (t) => {
  const { code, stdout, stderr } = await compare('same', ...OWN, '--json')
  t.same(JSON.parse(stdout), { accounts: 2, requests: 10, differences: [] })
  t.equal(code, 0)
  t.equal(stderr, '')
})

t.test('compare tells each difference by path, once for all accounts, and exits 1', async (t) => {
  const { code, stdout } = await compare('other', ...OWN, '--json')
  t.equal(code, 1)
  t.same(JSON.parse(stdout).differences, [
    {
      case: 'token',
      path: 'claims.roles',
      count: 2,
      client_ids: ['ci', 'cd'],
      old: ['view', 'billing', 'reports'],
      new: ['view'],
    },
  ])
  const told = await compare('other', ...OWN)
  t.match(
    told.stdout,
    /^REQUEST +PATH +COUNT +FOR EXAMPLE +OLD +NEW\ntoken +claims\.roles +2 +ci +\["view","billing"/,
  )
  t.match(told, { code: 1, stderr: 'The servers differ in 1 ways.' })
})

t.test('compare ignores a path in one kind of request alone', async (t) => {
  const missing = await compare('nope', '--ignore', 'token:status', '--json')
  const cases = JSON.parse(missing.stdout).differences.filter(
    (one: { path: string }) => one.path === 'status',
  )
  t.ok(cases.length > 1)
  t.notOk(cases.some((one: { case: string }) => one.case === 'token'))
})

t.test('compare refuses a path that no difference can have', async (t) => {
  t.match(await compare('same', '--ignore', 'iss'), { code: 2, stderr: '--ignore iss: a path begins with' })
})

t.test('compare names the line of an unreadable account, without its contents', async (t) => {
  const args = ['compare', '--realm', 'same', '--server', url, '--old', url]
  for (const line of [
    `{"client_id":"x","client_secret":"${SECRET}`,
    `{"client_id":1,"client_secret":"${SECRET}"}`,
    'null',
  ]) {
    const { code, stdout, stderr } = await mintmark(args, {}, { input: `\n${line}\n` })
    t.equal(code, 1)
    t.match(stderr, 'Line 2 is not like')
    t.notMatch(stdout + stderr, SECRET)
  }
})

/** A server that answers all requests in that way. */
async function strange(t: Test, answer: (form: URLSearchParams) => string): Promise<string> {
  const server = createServer(async (request, response) => {
    response.end(answer(new URLSearchParams(await text(request))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('compare shows no secret and no token, whatever the other server sends', async (t) => {
  let count = 0
  const jwt = `eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"x"}').toString('base64url')}.x`
  for (const answer of [
    (form: URLSearchParams) =>
      JSON.stringify({ access_token: jwt, refresh_token: jwt, echo: form.get('client_secret') }),
    (form: URLSearchParams) =>
      JSON.stringify({ access_token: 'opaque', deep: [{ echo: `<${form.get('client_secret')}>` }] }),
    () => '<html>',
    () => '[]',
    () => '{"access_token":"eyJ.!!.."}',
  ]) {
    const old = await strange(t, answer)
    for (const json of [[], ['--json']]) {
      // Of its own: a realm that has refused some guesses lets the next ones wait.
      const realm = `lies-${++count}`
      await operations.realms.create(TESTER, realm)
      const args = ['compare', '--realm', realm, '--server', url, '--old', old, ...json]
      const { code, stdout, stderr } = await mintmark(args, {}, { input: FILE })
      t.equal(code, 1)
      t.notMatch(stdout + stderr, SECRET)
      t.notMatch(stdout + stderr, jwt)
    }
  }
})

t.test('compare exits 6 where a server gives no answer', async (t) => {
  const args = ['compare', '--realm', 'same', '--server', url, '--old', 'https://127.0.0.1:1']
  t.match(await mintmark(args, {}, { input: FILE }), { code: 6, stdout: '', stderr: 'no answer from https' })
})

t.test('compare sends secrets to another machine by https alone, unless told', async (t) => {
  const args = ['compare', '--realm', 'same', '--server', url, '--old', 'http://keycloak.test']
  t.match(await mintmark(args, {}, { input: FILE }), { code: 1, stderr: 'use https in --old' })
})

t.test(
  'compare asks a server of other paths by its token endpoint, in the way that each client has',
  async (t) => {
    const seen: { authorization: string | undefined; form: string }[] = []
    const other = createServer(async (request, response) => {
      seen.push({ authorization: request.headers.authorization, form: await text(request) })
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}')
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    t.teardown(() => void other.close())
    const { port } = other.address() as AddressInfo
    const line = { client_id: 'ci', client_secret: SECRET, scope: 'view', audience: 'warehouse' }
    const at = ['--realm=same', '--server', url, '--old-token-url', `http://127.0.0.1:${port}/oauth2/token`]
    const run = (input: string) => mintmark(['compare', ...at, '--json'], {}, { input })
    const { stdout } = await run(
      JSON.stringify({ ...line, token_endpoint_auth_method: 'client_secret_basic' }),
    )
    t.equal(JSON.parse(stdout).requests, 7, 'no realm to ask for, and no other way to authenticate')
    const basic = `Basic ${Buffer.from(`ci:${SECRET}`).toString('base64')}`
    t.ok(
      seen.some(
        ({ authorization, form }) =>
          authorization === basic && form === 'grant_type=client_credentials&scope=view&audience=warehouse',
      ),
    )
    t.notOk(seen.some(({ form }) => form.includes(SECRET)))
    t.match(await run(JSON.stringify({ ...line, token_endpoint_auth_method: 'none' })), { code: 1 })
  },
)

t.test('compare is told of one other server, not of two or none', async (t) => {
  for (const others of [[], ['--old', url, '--old-token-url', url]]) {
    const { code, stderr } = await mintmark(['compare', '--realm=same', ...others], {})
    t.equal(code, 2)
    t.match(stderr, /give one of --old and --old-token-url/)
  }
})
