import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import type { NewAccountWithSecret } from '../../src/operations/accounts/new-service-account.ts'
import { asking, platformAdministrator, tokenFor } from '../support/admin.ts'
import { acme, basic, post, type TestClient, testClient } from '../support/introspection.ts'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { PUBLIC_URL, TESTER, type TestServer } from '../support/server.ts'

const SIGNED = 'application/token-introspection+jwt'
const ISSUER = `${PUBLIC_URL}/realms/acme`
const A = 'https://a.test'
const B = 'https://b.test'

/** Whether the caller is told that the token is active, unsigned and signed. */
async function told(server: TestServer, authorization: string, token: string) {
  const plain = await post(server, 'token/introspect', { token }, { authorization })
  const signed = await post(server, 'token/introspect', { token }, { authorization, accept: SIGNED })
  const { token_introspection } = decodeJwt<{ token_introspection: { active: boolean } }>(signed.body)
  if (!token_introspection.active) t.same(token_introspection, { active: false })
  if (!plain.json().active) t.same(plain.json(), { active: false })
  return { plain: plain.json().active, signed: token_introspection.active }
}

/** A realm with two audiences, and tokens for each, for both and for the issuer. */
async function twoAudiences(t: Test, of: Partial<NewAccountWithSecret>) {
  const { server, client } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { audiences: [A, B] })
  const resourceServer = await testClient(server, 'of A', 'acme', ['introspect'], of)
  const form = { grant_type: 'client_credentials', client_id: client.clientId }
  const both = new URLSearchParams({ ...form, client_secret: client.clientSecret, resource: A })
  both.append('resource', B)
  const token = (resource: string, { clientId, clientSecret }: TestClient = client) =>
    tokenFor(server, 'acme', clientId, clientSecret, resource)
  return {
    server,
    resourceServer,
    token,
    both: (await post(server, 'token', both.toString())).json().access_token as string,
    ask: (token: string) => told(server, basic(resourceServer), token),
  }
}

t.test('a resource server sees only tokens for audiences that it serves', async (t) => {
  const { token, both, ask, server } = await twoAudiences(t, { introspectsAudiences: [A] })
  t.same(await ask(await token(A)), { plain: true, signed: true })
  t.same(await ask(both), { plain: true, signed: true })
  t.same(await ask(await token(B)), { plain: false, signed: false })
  t.match(server.log.at(-1), /"outcome":"inactive","reason":"the token is for an audience that the caller/)
  t.same(await ask(await token(ISSUER)), { plain: false, signed: false })
  t.same(await ask(await token(`${PUBLIC_URL}/admin`)), { plain: false, signed: false })
})

t.test('a realm may show all its tokens in unsigned answers, never in signed ones', async (t) => {
  const { token, ask, server } = await twoAudiences(t, { introspectsAudiences: [A] })
  await server.operations.realms.update(TESTER, 'acme', { introspectionAudiences: 'all' })
  t.same(await ask(await token(A)), { plain: true, signed: true })
  t.same(await ask(await token(B)), { plain: true, signed: false })
})

t.test(
  'an account that was given no audiences gets no signed answer where it is unclear which',
  async (t) => {
    const { token, both, ask } = await twoAudiences(t, {})
    for (const one of [await token(A), await token(B), both, await token(ISSUER)])
      t.same(await ask(one), { plain: true, signed: false })
  },
)

t.test('an account that was given no audiences serves the only one of its realm', async (t) => {
  const { server, token, ask } = await twoAudiences(t, {})
  const ofB = await token(B)
  await server.operations.realms.update(TESTER, 'acme', { audiences: [A] })
  t.same(await ask(await token(A)), { plain: true, signed: true })
  t.same(await ask(ofB), { plain: true, signed: false })
  t.same(await ask(await token(ISSUER)), { plain: true, signed: false })
  await server.operations.realms.update(TESTER, 'acme', { audiences: [] })
  t.same(await ask(await token(ISSUER)), { plain: true, signed: true })
})

t.test('a client whose id is an audience serves it', async (t) => {
  const imported = { clientId: 'kafka', clientSecret: 'a secret of kafka' }
  const { server, token, ask } = await twoAudiences(t, { imported })
  await server.operations.realms.update(TESTER, 'acme', { audiences: ['kafka', A] })
  const { clientId, clientSecret } = await testClient(server, 'producer')
  const answer = await post(server, 'token', {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    audience: 'kafka',
  })
  t.same(await ask(answer.json().access_token), { plain: true, signed: true })
  t.same(await ask(await token(A)), { plain: true, signed: false })
})

t.test('a caller without audiences sees no token, its own included', async (t) => {
  const { server, token, ask, resourceServer } = await twoAudiences(t, { introspectsAudiences: [] })
  t.same(await ask(await token(A)), { plain: false, signed: false })
  const own = await token(ISSUER, resourceServer)
  t.same(await ask(own), { plain: false, signed: false })
  // With a token of its own it is the same caller.
  t.same(await told(server, `Bearer ${own}`, own), { plain: false, signed: false })
})

t.test('the current audiences of the account count, also for callers with a token', async (t) => {
  const { server, token, resourceServer } = await twoAudiences(t, { introspectsAudiences: [A] })
  const ofA = await token(A)
  const bearer = `Bearer ${await token(ISSUER, resourceServer)}`
  t.same(await told(server, bearer, ofA), { plain: true, signed: true })
  const { clientId } = resourceServer
  await server.operations.accounts.update(TESTER, 'acme', clientId, { introspectsAudiences: [B] })
  t.same(await told(server, bearer, ofA), { plain: false, signed: false })
  await server.operations.accounts.update(TESTER, 'acme', clientId, { introspectsAudiences: null })
  t.same(await told(server, bearer, ofA), { plain: true, signed: false })
})

t.test(
  'the admin API gives audiences, takes them away and refuses what the realm does not have',
  async (t) => {
    const { server } = await acme(t)
    const ask = await platformAdministrator(server)
    await ask('PATCH', '/admin/realms/acme', { audiences: [A], introspection_audiences: 'all' })
    t.match((await ask('GET', '/admin/realms/acme')).body, { introspection_audiences: 'all' })
    const accounts = '/admin/realms/acme/service-accounts'
    const made = await ask('POST', accounts, { name: 'A', introspects_audiences: [A, ISSUER] })
    t.same(made.body.introspects_audiences, [A, ISSUER])
    const path = `${accounts}/${made.body.client_id}`
    t.same((await ask('PATCH', path, { name: 'A2' })).body.introspects_audiences, [A, ISSUER])
    t.same((await ask('PATCH', path, { introspects_audiences: [] })).body.introspects_audiences, [])
    t.same((await ask('PATCH', path, { introspects_audiences: null })).body.introspects_audiences, null)
    const unknown = await ask('PATCH', path, { introspects_audiences: [B] })
    t.equal(unknown.status, 400)
    t.match(unknown.body, { field: 'introspects_audiences', detail: A })
    t.equal((await ask('PATCH', '/admin/realms/acme', { introspection_audiences: 'some' })).status, 400)
    const events = await ask('GET', '/admin/realms/acme/audit-events')
    t.match(JSON.stringify(events.body), '"introspects_audiences":[]')
    t.equal((await asking(server, undefined)('PATCH', path, {})).status, 401)
  },
)

t.test('the portal gives and takes audiences of an account that introspects', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  await server.operations.realms.update(TESTER, 'acme', { audiences: [A, B] })
  const browser = await adminOf(server, 'acme')
  const pageOf = ({ clientId }: TestClient) => `/portal/acme/service-accounts/${clientId}/permissions`
  t.notMatch(textOf(await browser.get(pageOf(client))), 'Audiences it serves')
  const page = pageOf(resourceServer)
  const served = async () =>
    (await server.operations.accounts.find(TESTER, 'acme', resourceServer.clientId)).introspectsAudiences
  t.equal((await browser.submit(page, `${page}/audiences`, { audience: B })).statusCode, 303)
  t.same(await served(), [B])
  t.match(
    (await browser.get(page)).body,
    /value="https:&#\d+;&#\d+;b\.test" checked|value="[^"]*b\.test" checked/,
  )
  const viewer = await viewerOf(server, 'acme')
  t.match(
    textOf(await viewer.get(page)),
    /With none chosen it is told of all tokens of the realm\. https:\/\/b\.test/,
  )
  const back = await adminOf(server, 'acme')
  t.equal((await back.submit(page, `${page}/audiences`)).statusCode, 303)
  t.same(await served(), undefined)
})
