import { SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { OAuthError } from '../../src/domain/oauth-error.ts'
import { PUBLIC_URL, TESTER, type TestServer, testServer } from '../support/server.ts'

async function tokenOf(
  { app, operations }: TestServer,
  realm = 'acme',
): Promise<{ token: string; clientId: string }> {
  const { account, clientSecret } = await operations.accounts.create(TESTER, realm, { name: 'CI' })
  const answer = await app.inject({
    method: 'POST',
    url: `/realms/${realm}/protocol/openid-connect/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  })
  return { token: answer.json().access_token, clientId: account.clientId }
}

async function refuses(
  t: Test,
  attempt: Promise<unknown>,
  reason: string | RegExp,
  description = 'The access token is not valid.',
): Promise<void> {
  const error = await attempt.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  t.type(error, OAuthError)
  t.match(error, { code: 'invalid_token', description, message: reason })
}

t.test('a token is good for its realm and its audience', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { token, clientId } = await tokenOf(server)

  const presented = await operations.presentedTokens.verify(token, {
    realm: 'acme',
    audience: `${PUBLIC_URL}/realms/acme`,
  })
  t.equal(presented.account.clientId, clientId)
  t.equal(presented.loaded.realm.name, 'acme')
  t.equal(presented.claims['sub'], clientId)
  t.equal((await operations.presentedTokens.verify(token)).account.clientId, clientId)
  const audience = `${PUBLIC_URL}/admin`
  const told = `The token is for ${PUBLIC_URL}/realms/acme. Ask for one with resource=${audience}.`
  await refuses(t, operations.presentedTokens.verify(token, { audience }), /aud/, told)
  await refuses(t, operations.presentedTokens.verify(token, { realm: 'other' }), 'a token of another realm')
})

t.test(
  'a token is refused from the moment that its client, key or realm is not there any more',
  async (t) => {
    const server = await testServer(t)
    const { operations, clock } = server
    await operations.realms.create(TESTER, 'acme')
    const first = await tokenOf(server)
    await operations.accounts.update(TESTER, 'acme', first.clientId, { enabled: false })
    await refuses(t, operations.presentedTokens.verify(first.token), 'the client is disabled')
    await operations.accounts.delete(TESTER, 'acme', first.clientId)
    await refuses(t, operations.presentedTokens.verify(first.token), 'the client is gone')

    const second = await tokenOf(server)
    const [key] = await operations.signingKeys.list(TESTER, 'acme')
    await operations.signingKeys.revoke(TESTER, 'acme', key?.kid as string)
    await refuses(t, operations.presentedTokens.verify(second.token), 'no such key')

    await operations.accounts.delete(TESTER, 'acme', second.clientId)
    const third = await tokenOf(server)
    t.equal((await operations.presentedTokens.verify(third.token)).account.clientId, third.clientId)
    clock.advance(301)
    await refuses(t, operations.presentedTokens.verify(third.token), /exp/)
  },
)

t.test('anything but a token of this server is refused', async (t) => {
  const { operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const forge = (claims: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'x' }).sign(new Uint8Array(32))
  const verify = async (claims: Record<string, unknown>) =>
    operations.presentedTokens.verify(await forge(claims))

  await refuses(t, operations.presentedTokens.verify(''), 'not a JWT')
  await refuses(t, operations.presentedTokens.verify('a.b.c'), 'not a JWT')
  await refuses(t, verify({ client_id: 'x' }), 'another issuer')
  await refuses(t, verify({ iss: 'https://evil.test/realms/acme', client_id: 'x' }), 'another issuer')
  await refuses(t, verify({ iss: `${PUBLIC_URL}/realms/acme` }), 'no client_id')
  await refuses(t, verify({ iss: `${PUBLIC_URL}/realms/nobody`, client_id: 'x' }), 'the realm is gone')
  await refuses(t, verify({ iss: `${PUBLIC_URL}/realms/../acme`, client_id: 'x' }), 'the realm is gone')
  await refuses(t, verify({ iss: `${PUBLIC_URL}/realms/acme`, client_id: 'x' }), 'no such key')
})

t.test('a token cannot be checked while the database is away', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { token } = await tokenOf(server)
  await server.cutDatabase()
  await t.rejects(server.operations.presentedTokens.verify(token), { code: 'temporarily_unavailable' })
})
