import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import {
  type AccessToken,
  connectVerifier,
  createVerifier,
  fastifyVerifier,
  readBearerToken,
  requireRole,
  TokenError,
} from '../../packages/verifier/src/index.ts'
import { dribble } from '../support/raw.ts'
import { Issuer } from './issuer.ts'

async function started(t: Test) {
  const issuer = await Issuer.start(t)
  return {
    issuer,
    verifier: createVerifier({ issuer: issuer.url, audience: 'https://api.example', now: issuer.now }),
  }
}

/** Each way that a resource server may be built, by name, listening. */
const SERVERS: Record<string, (t: Test, scope?: string) => Promise<{ issuer: Issuer; url: string }>> = {
  async fastify(t, scope) {
    const { issuer, verifier } = await started(t)
    const app = fastify()
    app.get('/open', async () => 'open')
    await app.register(async (api) => {
      await api.register(fastifyVerifier, { verifier, ...(scope !== undefined && { scope }) })
      api.get('/me', async (request) => (request as unknown as { token: AccessToken }).token.clientId)
      api.get('/manage', async (request) =>
        requireRole((request as unknown as { token: AccessToken }).token, 'manage'),
      )
    })
    const url = await app.listen({ port: 0 })
    t.teardown(() => app.close())
    t.equal((await fetch(`${url}/open`)).status, 200)
    return { issuer, url }
  },
  async connect(t, scope) {
    const { issuer, verifier } = await started(t)
    const protect = connectVerifier(verifier, scope === undefined ? {} : { scope })
    const listener: RequestListener = (request, response) =>
      protect(request, response, (error) => {
        response.statusCode = error ? 500 : 200
        response.end((request as unknown as { token?: AccessToken }).token?.clientId)
      })
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, resolve))
    t.teardown(() => new Promise((resolve) => server.close(resolve)))
    return { issuer, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
}

for (const [name, serve] of Object.entries(SERVERS)) {
  t.test(`${name}: a good token gets in and is at hand`, async (t) => {
    const { issuer, url } = await serve(t)
    const answer = await fetch(`${url}/me`, { headers: { authorization: `bearer ${await issuer.token()}` } })
    t.equal(answer.status, 200)
    t.equal(await answer.text(), 'sa-1')
  })

  t.test(`${name}: without a token the challenge is bare`, async (t) => {
    const { url } = await serve(t)
    for (const headers of [{}, { authorization: 'Basic eDp5' }]) {
      const answer = await fetch(`${url}/me`, { headers })
      t.equal(answer.status, 401)
      t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="api"')
      t.equal(await answer.text(), '')
    }
  })

  t.test(`${name}: a bad token is challenged with the reason`, async (t) => {
    const { issuer, url } = await serve(t)
    const token = await issuer.token({ exp: issuer.seconds - 60, iat: issuer.seconds - 100 })
    const answer = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })
    t.equal(answer.status, 401)
    t.equal(
      answer.headers.get('www-authenticate'),
      'Bearer realm="api", error="invalid_token", error_description="The token has expired"',
    )
    t.same(await answer.json(), { error: 'invalid_token', error_description: 'The token has expired' })
  })

  t.test(`${name}: a token in the wrong form or place is a bad request`, async (t) => {
    const { issuer, url } = await serve(t)
    const token = await issuer.token()
    for (const [path, authorization] of [
      ['/me', 'Bearer a b'],
      ['/me', 'Bearer'],
      ['/me?x=1&access_token=y', `Bearer ${token}`],
    ] as const) {
      const answer = await fetch(url + path, { headers: { authorization } })
      t.equal(answer.status, 400)
      t.match(answer.headers.get('www-authenticate'), /error="invalid_request"/)
      await answer.text()
    }
  })

  t.test(`${name}: two tokens are a bad request`, async (t) => {
    const { issuer, url } = await serve(t)
    const token = await issuer.token()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const line = `Authorization: Bearer ${token}\r\n`
    socket.write(`GET /me HTTP/1.1\r\nHost: x\r\n${line}${line}Connection: close\r\n\r\n`)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    t.match(answer, /^HTTP\/1.1 400 /)
  })

  t.test(`${name}: a token that lacks the scope is forbidden, and told which`, async (t) => {
    const { issuer, url } = await serve(t, 'devices:delete')
    const answer = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${await issuer.token()}` } })
    t.equal(answer.status, 403)
    t.equal(
      answer.headers.get('www-authenticate'),
      'Bearer realm="api", error="insufficient_scope", error_description="The token lacks the scope", scope="devices:delete"',
    )
    await answer.text()
  })

  t.test(`${name}: while the issuer is out of reach the answer is to come again`, async (t) => {
    const { issuer, url } = await serve(t)
    const token = await issuer.token()
    await issuer.stop()
    const answer = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })
    t.equal(answer.status, 503)
    t.equal(answer.headers.get('retry-after'), '1')
    t.equal(answer.headers.get('www-authenticate'), null)
    t.match(await answer.json(), { error: 'temporarily_unavailable' })
  })
}

t.test('fastify: a refusal thrown in a handler is answered as one', async (t) => {
  const { issuer, url } = await (SERVERS['fastify'] as NonNullable<(typeof SERVERS)[string]>)(t)
  const answer = await fetch(`${url}/manage`, {
    headers: { authorization: `Bearer ${await issuer.token()}` },
  })
  t.equal(answer.status, 403)
  t.match(answer.headers.get('www-authenticate'), /error="insufficient_scope"/)
  await answer.text()
})

t.test('a fault that is no refusal is passed on', async (t) => {
  const broken = { authenticate: async () => Promise.reject(new Error('broken')) }
  const verifier = broken as unknown as ReturnType<typeof createVerifier>
  const error = await new Promise((resolve) =>
    connectVerifier(verifier)(
      { headers: {} },
      { statusCode: 0, setHeader: () => {}, end: () => {} },
      resolve,
    ),
  )
  t.match(error, { message: 'broken' })
  const app = fastify({ logger: false })
  await app.register(fastifyVerifier, { verifier })
  app.get('/', async () => 'x')
  t.equal((await app.inject('/')).statusCode, 500)
})

t.test('a refusal that comes after the answer is dropped', async (t) => {
  const refusing = { authenticate: async () => Promise.reject(new TokenError('keys_unavailable')) }
  const touched: string[] = []
  const response = {
    headersSent: true,
    statusCode: 503,
    setHeader: () => touched.push('header'),
    end: () => touched.push('end'),
  }
  connectVerifier(refusing as never)({ headers: {} }, response, () => touched.push('next'))
  await new Promise(setImmediate)
  t.same(touched, [])
})

t.test('a time limit of any fraction of a second is one', async (t) => {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    now: issuer.now,
    timeoutSeconds: 2.01,
  })
  t.equal((await verifier.verify(await issuer.token())).id, 'jti-1')
})

t.test('a token is read from a request that has no raw headers', async (t) => {
  t.equal(readBearerToken({ headers: { authorization: 'Bearer abc.def' } }), 'abc.def')
})

t.test('fastify: a token that expires while the body arrives is refused', async (t) => {
  const { issuer, verifier } = await started(t)
  const app = fastify()
  await app.register(async (api) => {
    await api.register(fastifyVerifier, { verifier })
    api.post('/change', async () => 'changed')
  })
  t.teardown(() => app.close())
  const token = await issuer.token()
  const request = await dribble(app, 'POST', '/change', { token, body: '{"a":1}' })
  // Answered after it, so that it has been let in by now.
  const sent = { method: 'POST', url: '/change', headers: { authorization: `Bearer ${token}` } } as const
  t.equal((await app.inject(sent)).statusCode, 200)
  issuer.time += 4_000_000
  t.equal((await request.finish()).status, 401)
})
