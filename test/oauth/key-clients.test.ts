import { type CryptoKey, importJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t, { type Test } from 'tap'
import type { KeyAlgorithm } from '../../src/domain/client-key.ts'
import { keyClient } from '../support/assertion.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testClock, testServer } from '../support/server.ts'

// Clients that others wrote, over real HTTP, that know the issuer and a private key.

async function served(t: Test, algorithm: KeyAlgorithm) {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}/with/a/path`
  const server = await testServer(t, { publicUrl, clock: { ...testClock(), read: () => new Date() } })
  await server.operations.realms.create(TESTER, 'acme')
  const { clientId, kid, pair } = await keyClient(server, { algorithm, roles: ['introspect'] })
  await server.app.ready()
  // As a proxy does that has the server below a path.
  server.app.server.prependListener('request', (request) => {
    request.url = request.url?.replace('/with/a/path', '')
  })
  await server.app.listen({ port, host: 'localhost' })
  const key = (await importJWK(pair.privateKey.export({ format: 'jwk' }) as never, algorithm)) as CryptoKey
  return { issuer: `${publicUrl}/realms/acme`, clientId, kid, key }
}

for (const algorithm of ['ES256', 'PS256', 'EdDSA'] as const)
  t.test(
    `openid-client gets, introspects and revokes a token by private_key_jwt with ${algorithm}`,
    async (t) => {
      const { issuer, clientId, kid, key } = await served(t, algorithm)
      for (const method of [client.PrivateKeyJwt({ key, kid }), client.PrivateKeyJwt(key)]) {
        const config = await client.discovery(new URL(issuer), clientId, undefined, method, {
          execute: [client.allowInsecureRequests],
        })
        t.ok(config.serverMetadata().token_endpoint_auth_methods_supported?.includes('private_key_jwt'))
        const { access_token } = await client.clientCredentialsGrant(config, { resource: issuer })
        t.equal((await client.tokenIntrospection(config, access_token)).active, true)
        await client.tokenRevocation(config, access_token)
        t.equal((await client.tokenIntrospection(config, access_token)).active, false)
      }
    },
  )

t.test('oauth4webapi gets a token by private_key_jwt', async (t) => {
  const { issuer, clientId, kid, key } = await served(t, 'ES256')
  const options = { [oauth.allowInsecureRequests]: true, algorithm: 'oidc' } as const
  const url = new URL(issuer)
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options))
  const us = { client_id: clientId }
  const response = await oauth.clientCredentialsGrantRequest(
    as,
    us,
    oauth.PrivateKeyJwt({ key, kid }),
    { scope: 'view' },
    options,
  )
  t.equal((await oauth.processClientCredentialsResponse(as, us, response)).scope, 'view')
})
