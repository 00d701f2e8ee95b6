import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import t, { type Test } from 'tap'
import { federationWorld, REFUSED } from '../federation/world.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'

const CLIENT = { client_id: 'worker', client_secret: 'secret' }

/** node-oidc-provider with a client, whose JWTs are for that audience. Returns tokens by a key that it publishes. */
async function oidcProvider(t: Test, audience: string) {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'provider', use: 'sig', alg: 'ES256' }] },
    clients: [
      {
        ...CLIENT,
        id_token_signed_response_alg: 'ES256',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: '',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  const server = createServer(provider.callback()).listen(port, 'localhost')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  const credentials = Buffer.from(`${CLIENT.client_id}:${CLIENT.client_secret}`).toString('base64')
  return {
    issuer,
    async token(): Promise<string> {
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience }),
      })
      const { access_token: token } = (await answer.json()) as { access_token?: string }
      if (token === undefined) throw new Error(`oidc-provider answered ${answer.status}`)
      return token
    },
  }
}

t.test('a token of a client of oidc-provider gets a token, by discovery', async (t) => {
  const world = await federationWorld(t)
  const { issuer, token } = await oidcProvider(t, world.issuer)
  const path = join(temporaryFolder(t), 'token')
  writeFileSync(path, await token())
  const trusted = await world.trust({ issuer, keys: { source: 'discovery' } })
  t.match(await world.token(`file:${path}`), REFUSED, 'bound to no account')
  const bound = await world.bind(trusted, [{ claim: 'sub', equals: 'worker' }])
  t.match(await world.claims(`file:${path}`), { sub: bound.clientId, iss: world.issuer })
  await world.unbind(bound)
  t.match(await world.token(`file:${path}`), REFUSED, 'bound no longer')
})

t.test('uploaded keys replace published ones: a token signed with a published key is refused', async (t) => {
  const world = await federationWorld(t)
  const { issuer, token } = await oidcProvider(t, world.issuer)
  const path = join(temporaryFolder(t), 'token')
  writeFileSync(path, await token())
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  // Of the same kid as the key that the issuer publishes.
  const uploaded = { ...(await exportJWK(publicKey)), kid: 'provider' }
  const trusted = await world.trust({ issuer, keys: { source: 'jwks', jwks: { keys: [uploaded] } } })
  await world.bind(trusted, [{ claim: 'sub', equals: 'worker' }])
  t.match(await world.token(`file:${path}`), REFUSED)
  t.match(world.log.join('\n'), /platform token, signature/)
})
