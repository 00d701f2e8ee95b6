import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  createTokenSource,
  type TokenRequestError,
  type TokenSourceOptions,
} from '../../packages/client/src/index.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listen(t: Test, handler: Handler): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A token endpoint that counts, and answers as it is told. */
async function issuer(t: Test, answer: () => { status?: number; headers?: object; body: object | string }) {
  const seen: IncomingMessage[] = []
  const url = await listen(t, (request, response) => {
    seen.push(request)
    request.resume()
    const { status = 200, headers = {}, body } = answer()
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  return { url, seen }
}

function sourceOf(url: string, options: Partial<TokenSourceOptions> = {}) {
  const clock = { now: 1_000_000 }
  const source = createTokenSource({
    issuer: url,
    credential: { clientId: 'sa-1', clientSecret: 's' },
    now: () => clock.now,
    random: () => 0.5,
    ...options,
  })
  return { source, clock }
}

let count = 0
const token = (expires_in = 100) => ({
  body: { access_token: `t${++count}`, token_type: 'Bearer', expires_in },
})

t.test('a token of a real server is had with the secret of a file, which may be replaced', async (t) => {
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const { app, operations } = await testServer(t, { publicUrl })
  await operations.realms.create(TESTER, 'acme', {})
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await app.listen({ port, host: 'localhost' })
  const file = join(t.testdir({}), 'secret')
  writeFileSync(file, `${clientSecret}\n`)
  const options = {
    issuer: `${publicUrl}/realms/acme`,
    credential: { clientId: account.clientId, clientSecretFile: file },
    scope: 'view',
  }
  const source = createTokenSource(options)
  const first = await source.token()
  t.match(first, /^eyJ/)

  const reset = await operations.secrets.reset(TESTER, 'acme', account.clientId)
  source.drop(first)
  await t.rejects(source.token(), { name: 'TokenRequestError', status: 401, code: 'invalid_client' })
  writeFileSync(file, reset.clientSecret)
  t.match(await createTokenSource(options).token(), /^eyJ/)
})

t.test('a thousand callers at once make one request', async (t) => {
  const { url, seen } = await issuer(t, token)
  const { source } = sourceOf(url)
  const tokens = await Promise.all(Array.from({ length: 1000 }, () => source.token()))
  t.equal(new Set(tokens).size, 1)
  t.equal(seen.length, 1)
  t.match(seen[0]?.headers.authorization, /^Basic /)
})

t.test('a token is renewed at three quarters of its life, in the background', async (t) => {
  const { url, seen } = await issuer(t, token)
  const { source, clock } = sourceOf(url)
  const first = await source.token()
  clock.now += 74_999
  t.equal(await source.token(), first)
  t.equal(seen.length, 1)
  clock.now += 1
  t.equal(await source.token(), first, 'nobody waits for it')
  const renewed = await until(async () => {
    const now = await source.token()
    return now !== first && now
  })
  t.ok(renewed)
  t.equal(seen.length, 2)
})

t.test('renewals of many programs are spread over a fifth of the life', async (t) => {
  const { url, seen } = await issuer(t, token)
  for (const [random, at] of [
    [0, 65_000],
    [1, 85_000],
  ] as const) {
    const { source, clock } = sourceOf(url, { random: () => random })
    const first = await source.token()
    clock.now += at - 1
    t.equal(await source.token(), first)
    const before = seen.length
    clock.now += 1
    await source.token()
    await until(async () => seen.length > before)
  }
})

t.test('the old token is given while it cannot be renewed, and not beyond its end', async (t) => {
  let broken = false
  const { url, seen } = await issuer(t, () => (broken ? { status: 503, body: {} } : token()))
  const { source, clock } = sourceOf(url)
  const first = await source.token()
  broken = true
  clock.now += 80_000
  t.equal(await source.token(), first)
  await until(async () => seen.length === 2)
  clock.now += 17_999
  t.equal(await source.token(), first)
  clock.now += 2_000
  await t.rejects(source.token(), { name: 'TokenRequestError', status: 503, mayPass: true })
  broken = false
  clock.now += 1_000
  t.not(await source.token(), first)
})

t.test('the issuer is left alone for as long as its Retry-After says', async (t) => {
  const { url, seen } = await issuer(t, () => ({
    status: 429,
    headers: { 'retry-after': '30' },
    body: { error: 'slow_down', error_description: 'Too many.' },
  }))
  const { source, clock } = sourceOf(url)
  const error = (await source.token().catch((reason) => reason)) as TokenRequestError
  t.match(error, { status: 429, retryAfterSeconds: 30, mayPass: true })
  clock.now += 29_000
  await t.rejects(source.token(), { name: 'TokenRequestError', status: 429 })
  t.equal(seen.length, 1)
  clock.now += 1_000
  await t.rejects(source.token(), { name: 'TokenRequestError', status: 429 })
  t.equal(seen.length, 2)
})

t.test('a 401 of the API drops the token once and tries once more', async (t) => {
  const { url, seen } = await issuer(t, token)
  const { source } = sourceOf(url)
  const shown: (string | undefined)[] = []
  let good = ''
  const api = await listen(t, (request, response) => {
    request.resume()
    shown.push(request.headers.authorization)
    response.writeHead(request.headers.authorization === good ? 200 : 401).end()
  })
  const first = await source.token()
  good = `Bearer t${count + 1}`
  const response = await source.fetch(api, { method: 'POST', body: '{}', headers: { 'x-own': '1' } })
  t.equal(response.status, 200)
  t.same(shown, [`Bearer ${first}`, good])
  t.equal(seen.length, 2)

  good = 'never'
  t.equal((await source.fetch(api)).status, 401, 'and no more than once')
  t.equal(shown.length, 4)
})

t.test('an answer that is no token is an error that quotes no secret', async (t) => {
  const secret = 'mm_very-secret'
  for (const body of [
    '',
    'null',
    '<html>',
    '[]',
    { access_token: 1 },
    { access_token: 'x', token_type: 'DPoP' },
  ]) {
    const { url } = await issuer(t, () => ({ body }))
    const { source } = sourceOf(url, { credential: { clientId: 'sa-1', clientSecret: secret } })
    const error = (await source.token().catch((reason) => reason)) as Error
    t.equal(error.name, 'TokenRequestError')
    t.notMatch(`${error.stack} ${JSON.stringify(error)}`, secret)
  }
})

t.test('a redirect takes the secret nowhere', async (t) => {
  const { url: thief, seen } = await issuer(t, token)
  const { url } = await issuer(t, () => ({ status: 307, headers: { location: thief }, body: '' }))
  await t.rejects(sourceOf(url).source.token(), {
    name: 'TokenRequestError',
    status: undefined,
    mayPass: true,
  })
  t.equal(seen.length, 0)
})

t.test('an option that is missing or wrong is a mistake of the program', async (t) => {
  const credential = { clientId: 'a', clientSecret: 'b' }
  const wrong: unknown[] = [
    { issuer: 'http://auth.example/realms/a', credential },
    { issuer: 'auth', credential },
    { issuer: 'https://auth.example/realms/a' },
    { issuer: 'https://auth.example/realms/a', credential: { clientId: 'a' } },
    { issuer: 'https://auth.example/realms/a', credential: { ...credential, clientSecretFile: 'x' } },
    { issuer: 'https://auth.example/realms/a', credential, timeoutSeconds: 0 },
  ]
  for (const options of wrong) t.throws(() => createTokenSource(options as TokenSourceOptions), TypeError)
  createTokenSource({ issuer: 'http://auth.example/realms/a', credential, allowInsecureHttp: true })
})

/** Asks again, turn by turn of the event loop, until there is an answer. */
async function until<T>(ask: () => Promise<T | false | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
