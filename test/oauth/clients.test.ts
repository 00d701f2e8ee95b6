import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

// Clients and validators that others wrote, over real HTTP, that know nothing but the issuer.

async function served(t: Test) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const server = await testServer(t, { publicUrl })
  await server.operations.realms.create(TESTER, 'acme', { jwksMaxAgeSeconds: 1, keyPublishSeconds: 1 })
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  await server.app.listen({ port, host: 'localhost' })
  return { ...server, issuer: `${publicUrl}/realms/acme`, clientId: account.clientId, clientSecret }
}

for (const [name, method] of [
  ['client_secret_post', client.ClientSecretPost],
  ['client_secret_basic', client.ClientSecretBasic],
] as const) {
  t.test(`openid-client gets a token by ${name}`, async (t) => {
    const { issuer, clientId, clientSecret, clock } = await served(t)
    const config = await client.discovery(new URL(issuer), clientId, undefined, method(clientSecret), {
      execute: [client.allowInsecureRequests],
    })
    const { access_token, expires_in, token_type } = await client.clientCredentialsGrant(config, {
      scope: 'view',
    })
    t.equal(token_type, 'bearer')
    t.equal(expires_in, 300)
    const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri as string))
    const { payload } = await jwtVerify(access_token, keys, {
      issuer,
      audience: issuer,
      typ: 'at+jwt',
      currentDate: clock.now,
    })
    t.equal(payload.sub, clientId)
  })
}

t.test('oauth4webapi gets a token through the metadata of RFC 8414', async (t) => {
  const { issuer, clientId, clientSecret } = await served(t)
  const options = { [oauth.allowInsecureRequests]: true, algorithm: 'oauth2' } as const
  const url = new URL(issuer)
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options))
  const response = await oauth.clientCredentialsGrantRequest(
    as,
    { client_id: clientId },
    oauth.ClientSecretBasic(clientSecret),
    { resource: issuer },
    options,
  )
  const result = await oauth.processClientCredentialsResponse(as, { client_id: clientId }, response)
  t.equal(result.scope, 'view')
  t.ok(result.access_token)
})

t.test('openid-client understands why it is refused', async (t) => {
  const { issuer, clientId } = await served(t)
  const config = await client.discovery(
    new URL(issuer),
    clientId,
    undefined,
    client.ClientSecretPost('wrong'),
    {
      execute: [client.allowInsecureRequests],
    },
  )
  await t.rejects(client.clientCredentialsGrant(config), {
    status: 401,
    cause: [{ scheme: 'basic' }],
  })
})

t.test('two key rotations under load fail no request', async (t) => {
  const { issuer, clientId, clientSecret, operations, clock } = await served(t)
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  })
  const kids = new Set<string | undefined>()
  let copiedAt = Number.NEGATIVE_INFINITY
  let keys: ReturnType<typeof createLocalJWKSet>
  // The validator's copy is at most a minute old, half the time for which a key is published before it signs.
  async function refreshKeys() {
    if (clock.now.getTime() - copiedAt <= 60_000) return
    copiedAt = clock.now.getTime()
    const answer = await fetch(`${issuer}/protocol/openid-connect/certs`)
    keys = createLocalJWKSet((await answer.json()) as JSONWebKeySet)
  }
  async function ask() {
    const answer = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body })
    const { access_token } = (await answer.json()) as { access_token: string }
    t.equal(answer.status, 200)
    const { protectedHeader } = await jwtVerify(access_token, keys, { issuer, currentDate: clock.now })
    kids.add(protectedHeader.kid)
  }
  async function round() {
    await refreshKeys()
    await Promise.all(Array.from({ length: 16 }, ask))
    clock.advance(10)
    await operations.signingKeys.rotateDue()
  }
  for (const _ of ['first', 'second']) {
    const [{ kid }] = await Promise.all([operations.signingKeys.rotate(TESTER, 'acme'), round()])
    for (let rounds = 0; rounds < 30 && !kids.has(kid); rounds++) await round()
  }
  t.equal(kids.size, 3)
})
