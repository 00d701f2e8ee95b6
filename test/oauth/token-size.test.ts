import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { ALGORITHMS, type RealmSettings } from '../../src/domain/realm.ts'
import { MAX_CLAIMS_BYTES } from '../../src/domain/token-size.ts'
import { adminOf, textOf } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

const AUDIENCE = `https://api.test/${'a'.repeat(900)}`
const SCOPES = Array.from({ length: 20 }, (_, n) => `scope-${n}`.padEnd(90, '-'))
const ROLES = Array.from({ length: 40 }, (_, n) => `role-${n}`.padEnd(63, '-'))
// As long as an imported one may be: 256 characters of four bytes, in no order that could be guessed.
const SECRET = Array.from({ length: 256 }, (_, n) => String.fromCodePoint(0x1f300 + ((n * 37) % 256))).join(
  '',
)

const TOO_LONG = `The claims of the token would take more than ${MAX_CLAIMS_BYTES} bytes.`

/** A server that listens: real limits of headers and bodies hold. */
async function listening(t: Test, settings: Partial<RealmSettings>) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const send = (endpoint: string, form: Record<string, string> | URLSearchParams) =>
    fetch(`http://127.0.0.1:${port}/realms/acme/protocol/openid-connect/${endpoint}`, {
      method: 'POST',
      body: new URLSearchParams(form),
    })
  return { ...server, port, send }
}

/** An account with all roles and scopes that have room, and more grants than have any. */
async function fullAccount({ operations }: Pick<TestServer, 'operations'>, clientId = 'c'.repeat(64)) {
  const imported = { clientId, clientSecret: SECRET }
  const made = { name: 'full', roles: ['introspect', 'account-admin'], imported }
  await operations.accounts.create(TESTER, 'acme', made)
  for (const role of ROLES) await operations.accounts.addRole(TESTER, 'acme', clientId, role).catch(() => {})
  const devices = Array.from({ length: 40 }, (_, n) => ({
    type: 'device',
    id: `device-${n}`.padEnd(40, '-'),
  }))
  await operations.resources.import(TESTER, 'acme', devices)
  const grants = devices.map((device) => ({ ...device, role: 'operate' }))
  await operations.grants.replace(TESTER, 'acme', clientId, grants)
  return { client_id: clientId, client_secret: SECRET }
}

for (const algorithm of ALGORITHMS)
  t.test(`the longest token that ${algorithm} signs is taken by every endpoint of ours`, async (t) => {
    const settings = { algorithm, scopes: SCOPES, roles: ROLES, audiences: [AUDIENCE] }
    const server = await listening(t, settings)
    const credentials = await fullAccount(server)
    const ask = async (resource: string) => {
      const form = { grant_type: 'client_credentials', ...credentials, resource }
      return ((await (await server.send('token', form)).json()) as { access_token: string }).access_token
    }
    const token = await ask(AUDIENCE)
    const { length } = Buffer.from(token.split('.')[1] as string, 'base64url')
    t.ok(length > MAX_CLAIMS_BYTES - 100 && length <= MAX_CLAIMS_BYTES, `${length} bytes`)
    t.match(decodeJwt(token), { authorization_details_omitted: true })
    const described = (await (await server.send('token/introspect', { ...credentials, token })).json()) as {
      authorization_details: unknown[]
    }
    t.match(described, { active: true })
    t.equal(described.authorization_details.length, 40)
    const administers = await fetch(`http://127.0.0.1:${server.port}/admin/realms/acme`, {
      headers: { authorization: `Bearer ${await ask(`${PUBLIC_URL}/admin`)}` },
    })
    t.equal(administers.status, 200)
    t.equal((await server.send('revoke', { ...credentials, token })).status, 200)
    t.same(await (await server.send('token/introspect', { ...credentials, token })).json(), { active: false })
  })

t.test('a request that exceeds the token size is told which parameter to shrink', async (t) => {
  const audiences = Array.from({ length: 8 }, (_, n) => `https://${n}.test/${'a'.repeat(900)}`)
  const server = await listening(t, { audiences })
  const credentials = await fullAccount(server)
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...credentials })
  for (const audience of audiences) form.append('resource', audience)
  const answer = await server.send('token', form)
  t.equal(answer.status, 400)
  const error_description = `${TOO_LONG} Ask for fewer resources.`
  t.same(await answer.json(), { error: 'invalid_target', error_description })
})

t.test('rights from before there was a limit get a refusal that says what to do', async (t) => {
  const server = await listening(t, {})
  const { operations } = server
  const { client_id, client_secret } = await fullAccount(server, 'old')
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query("update realms set scopes = $1, version = version + 1 where name = 'acme'", [
    Array.from({ length: 100 }, (_, n) => `scope-${n}`.padEnd(90, '-')),
  ])
  await client.end()
  const ask = (more: object) =>
    server.send('token', { grant_type: 'client_credentials', client_id, client_secret, ...more })
  const answer = await ask({})
  t.equal(answer.status, 400)
  t.same(await answer.json(), {
    error: 'invalid_scope',
    error_description: `${TOO_LONG} Ask for fewer scopes.`,
  })
  t.match(server.log.join('\n'), /"reason":"claims of \d+ bytes: the account has too many roles/)
  t.equal((await ask({ scope: 'scope-1'.padEnd(90, '-') })).status, 200)
  // The page on which that is put right is there.
  const page = await (await adminOf(server, 'acme')).get('/portal/acme/service-accounts/old/permissions')
  t.equal(page.statusCode, 200)
  t.match(textOf(page), 'It gets no token: The claims of its tokens would take ')
  const limit = { code: 'limit_reached', limit: MAX_CLAIMS_BYTES }
  await t.rejects(operations.tokens.preview(TESTER, 'acme', 'old'), limit)
  await t.rejects(operations.accounts.addRole(TESTER, 'acme', 'old', 'manage'), limit)
  await t.rejects(operations.tokens.preview(TESTER, 'acme', 'nobody'), { code: 'not_found' })
})

t.test('an administrator who exceeds the token size is told the limit', async (t) => {
  const server = await listening(t, { roles: ROLES, scopes: SCOPES })
  const { operations } = server
  const limit = { code: 'limit_reached', limit: MAX_CLAIMS_BYTES, field: 'roles' }
  const scopes = Array.from({ length: 100 }, (_, n) => `scope-${n}`.padEnd(90, '-'))
  await t.rejects(operations.realms.create(TESTER, 'b', { scopes }), { ...limit, field: 'scopes' })
  await t.rejects(operations.realms.update(TESTER, 'acme', { scopes }), { ...limit, field: 'scopes' })
  const more = Array.from({ length: 60 }, (_, n) => `more-${n}`.padEnd(63, '-'))
  const roles = [...ROLES, ...more]
  await operations.realms.update(TESTER, 'acme', { roles })
  await t.rejects(operations.accounts.create(TESTER, 'acme', { name: 'a', roles }), limit)
  const { account } = await operations.accounts.create(TESTER, 'acme', {
    name: 'a',
    roles: ROLES.slice(20),
  })
  await t.rejects(operations.accounts.update(TESTER, 'acme', account.clientId, { roles }), limit)
  await operations.accounts.update(TESTER, 'acme', account.clientId, { scopes: [SCOPES[0] as string] })
})
