import { once } from 'node:events'
import { request as ask } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express5 from 'express'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import {
  connectVerifier,
  createResourceMetadata,
  createVerifier,
  fastifyResourceMetadata,
  fastifyVerifier,
  requireScope,
  tokenErrorHandler,
  tokenOf,
  withTokenErrors,
} from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

// No types of its own under this name; those of Express 5 fit what is used here.
const express4 = createRequire(import.meta.url)('express4') as typeof express5

async function verifierOf(t: Test) {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({ issuer: issuer.url, audience: 'https://api.example', now: issuer.now })
  return { issuer, verifier, authorization: `Bearer ${await issuer.token()}` }
}

async function listen(t: Test, app: express5.Express): Promise<string> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

for (const [name, express] of [
  ['Express 4', express4],
  ['Express 5', express5],
] as const) {
  t.test(`${name}: what an async handler throws is answered with its status and challenge`, async (t) => {
    const { verifier, authorization } = await verifierOf(t)
    const app = express()
    app.use(connectVerifier(verifier))
    app.get('/who', (request, response) => {
      response.json({ client: request.token?.clientId })
    })
    app.get(
      '/admin',
      withTokenErrors(async (request: express5.Request, response: express5.Response) => {
        requireScope(tokenOf(request), 'admin')
        response.json({})
      }),
    )
    app.get(
      '/broken',
      withTokenErrors(async () => {
        throw new Error('a fault of the program')
      }),
    )
    app.use(tokenErrorHandler)
    app.use(((error, _request, response, _next) => {
      response.status(500).json({ fault: error.message })
    }) as express5.ErrorRequestHandler)
    const url = await listen(t, app)
    const headers = { authorization }

    t.same(await (await fetch(`${url}/who`, { headers })).json(), { client: 'sa-1' })
    const refused = await fetch(`${url}/admin`, { headers })
    t.equal(refused.status, 403)
    t.match(refused.headers.get('www-authenticate'), /^Bearer .*error="insufficient_scope".*scope="admin"/)
    t.match(await refused.json(), { error: 'insufficient_scope' })
    const fault = await fetch(`${url}/broken`, { headers })
    t.same([fault.status, await fault.json()], [500, { fault: 'a fault of the program' }])
    t.equal((await fetch(`${url}/who`)).status, 401, 'the process lives')
  })
}

t.test('an API says where its tokens come from, and its challenges say where that stands', async (t) => {
  const { issuer, verifier, authorization } = await verifierOf(t)
  const metadata = createResourceMetadata({
    resource: 'https://api.example/mcp',
    issuers: verifier.issuers,
    scopes: ['devices:read'],
    name: 'Devices',
  })
  const path = '/.well-known/oauth-protected-resource/mcp'
  const document = {
    resource: 'https://api.example/mcp',
    authorization_servers: [issuer.url],
    bearer_methods_supported: ['header'],
    scopes_supported: ['devices:read'],
    resource_name: 'Devices',
  }

  const app = express5()
  app.use(connectVerifier(verifier, { metadata }))
  app.get('/mcp', (_request, response) => {
    response.json({})
  })
  const url = await listen(t, app)
  const api = fastify()
  await api.register(fastifyResourceMetadata, { metadata })
  await api.register(async (scope) => {
    await scope.register(fastifyVerifier, { verifier, metadata })
    scope.get('/mcp', () => ({}))
  })
  const fastifyUrl = await api.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => api.close())

  for (const base of [url, fastifyUrl]) {
    const answer = await fetch(base + path)
    t.same([answer.status, await answer.json()], [200, document])
    t.match(answer.headers.get('content-type'), 'application/json')
    const refused = await fetch(`${base}/mcp`)
    t.equal(refused.status, 401)
    t.match(
      refused.headers.get('www-authenticate'),
      `resource_metadata="https://api.example${path}"`,
      'RFC 9728 section 5.1',
    )
    t.equal((await fetch(`${base}/mcp`, { headers: { authorization } })).status, 200)
    t.equal((await fetch(base + path, { method: 'POST' })).ok, false)
  }
})

t.test('a resource that is no URL has no metadata', async (t) => {
  const issuers = ['https://auth.example/realms/acme']
  t.equal(
    createResourceMetadata({ resource: 'https://api.example', issuers }).url,
    'https://api.example/.well-known/oauth-protected-resource',
  )
  for (const resource of ['', 'api', 'urn:x', 'https://a/?q', 'https://a/#f', 'https://u@a/'])
    t.throws(() => createResourceMetadata({ resource, issuers }), TypeError)
})

for (const [name, express] of [
  ['Express 4', express4],
  ['Express 5', express5],
] as const)
  t.test(
    `${name}: on both sides of a body parser, a token that ends while the body arrives is refused`,
    async (t) => {
      const { issuer, verifier, authorization } = await verifierOf(t)
      const verify = connectVerifier(verifier)
      const begun = Promise.withResolvers<void>()
      const app = express()
      app.use(verify)
      app.use((_request, _response, next) => {
        begun.resolve()
        next()
      })
      app.use(express.json())
      app.use(verify)
      app.post('/things', (_request, response) => {
        response.json({})
      })
      const headers = { authorization, 'content-type': 'application/json', 'content-length': 2 }
      const request = ask(`${await listen(t, app)}/things`, { method: 'POST', headers })
      const answered = once(request, 'response')
      request.write('{')
      await begun.promise
      issuer.revoked.set(7, 1)
      issuer.time += 11_000
      request.end('}')
      const [response] = await answered
      t.equal(response.statusCode, 401)
      response.resume()
    },
  )
