import t, { type Test } from 'tap'
import { createVerifier, TokenError, type VerifierOptions } from '../../packages/verifier/src/index.ts'
import { Issuer, makeKey } from './issuer.ts'

const OPTIONS = { audience: 'https://api.example', requireStatus: false } as const

async function started(t: Test, options: Partial<VerifierOptions> = {}) {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({ issuer: issuer.url, now: issuer.now, ...OPTIONS, ...options })
  const verify = async (token?: string) =>
    verifier.verify(token ?? (await issuer.token({ status: undefined })))
  return { issuer, verify }
}

const advance = (issuer: Issuer, seconds: number) => {
  issuer.time += seconds * 1000
}

async function code(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof TokenError) return error.code
      throw error
    },
  )
}

t.test('keys are fetched once, however many tokens are verified at once', async (t) => {
  const { issuer, verify } = await started(t)
  await Promise.all(Array.from({ length: 50 }, () => verify()))
  t.equal(issuer.fetches.keys, 1)
  advance(issuer, 59)
  await verify()
  t.equal(issuer.fetches.keys, 1)
  advance(issuer, 1)
  await verify()
  t.equal(issuer.fetches.keys, 2)
})

t.test('what the issuer says of caching counts up to a limit, and not below five seconds', async (t) => {
  for (const [cacheControl, seconds] of [
    ['public, max-age=86400', 300],
    ['max-age="20"', 20],
    ['no-store', 5],
    ['no-cache, max-age=60', 5],
    ['public', 300],
    ['max-age=1', 5],
  ] as const) {
    const { issuer, verify } = await started(t)
    issuer.cacheControl = cacheControl
    await verify()
    advance(issuer, seconds - 1)
    await verify()
    t.equal(issuer.fetches.keys, 1, `${cacheControl}: fresh`)
    advance(issuer, 1)
    await verify()
    t.equal(issuer.fetches.keys, 2, `${cacheControl}: stale`)
  }
})

t.test('the time that an answer spent in a cache counts', async (t) => {
  for (const [age, seconds] of [
    ['20', 40],
    ['90', 5],
    ['-1', 60],
    ['x', 60],
  ] as const) {
    const { issuer, verify } = await started(t)
    issuer.intercept = (path, response) => {
      if (path === 'certs') response.setHeader('age', age)
      return false
    }
    await verify()
    advance(issuer, seconds - 1)
    await verify()
    t.equal(issuer.fetches.keys, 1, `age ${age}: fresh`)
    advance(issuer, 1)
    await verify()
    t.equal(issuer.fetches.keys, 2, `age ${age}: stale`)
  }
})

t.test('keys that did not change are not sent again, and are fresh again', async (t) => {
  const { issuer, verify } = await started(t)
  issuer.intercept = (path, response, request) => {
    if (path !== 'certs') return false
    response.setHeader('etag', '"1"').setHeader('cache-control', 'max-age=60')
    if (request.headers['if-none-match'] !== '"1"') return false
    issuer.fetches.notModified++
    response.writeHead(304).end()
    return true
  }
  for (const notModified of [0, 1, 2]) {
    await verify()
    advance(issuer, 59)
    await verify()
    t.same([issuer.fetches.keys, issuer.fetches.notModified], [notModified + 1, notModified])
    advance(issuer, 1)
  }
})

t.test('a new key is noticed at the first token that it signed', async (t) => {
  const { issuer, verify } = await started(t)
  await verify()
  advance(issuer, 6)
  issuer.keys = [await makeKey('key-2'), issuer.key]
  t.equal((await verify()).id, 'jti-1')
  t.equal(issuer.fetches.keys, 2)
})

t.test('tokens of unknown keys make no storm', async (t) => {
  const { issuer, verify } = await started(t)
  await verify()
  advance(issuer, 6)
  const strange = await makeKey('strange')
  const tokens = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      issuer.token({ status: undefined }, { kid: `strange-${n}` }, strange),
    ),
  )
  const codes = await Promise.all(tokens.map((token) => code(verify(token))))
  t.same(new Set(codes), new Set(['unknown_key']))
  t.equal(issuer.fetches.keys, 2)
  advance(issuer, 4)
  t.equal(await code(verify(tokens[0])), 'unknown_key')
  t.equal(issuer.fetches.keys, 2)
  advance(issuer, 1)
  t.equal(await code(verify(tokens[0])), 'unknown_key')
  t.equal(issuer.fetches.keys, 3)
})

t.test('a key that cannot be asked for is not said to be unknown', async (t) => {
  const { issuer, verify } = await started(t)
  await verify()
  advance(issuer, 6)
  const token = await issuer.token({ status: undefined }, {}, await makeKey('key-2'))
  await issuer.stop()
  t.equal(await code(verify(token)), 'keys_unavailable')
  t.equal(await code(verify(token)), 'keys_unavailable', 'within the cooldown, too')
})

t.test('a failure long ago keeps no withdrawn key in use', async (t) => {
  const { issuer, verify } = await started(t)
  const token = await issuer.token({ status: undefined, exp: issuer.seconds + 3600 })
  await verify(token)
  await issuer.stop()
  advance(issuer, 60)
  await verify(token)
  await issuer.resume()
  issuer.keys = [await makeKey('key-2')]
  advance(issuer, 300)
  t.equal(await code(verify(token)), 'unknown_key')
})

t.test('a key that the issuer withdrew is refused once the copy at hand is stale', async (t) => {
  const { issuer, verify } = await started(t)
  const token = await issuer.token({ status: undefined })
  await verify(token)
  issuer.keys = [await makeKey('key-2')]
  advance(issuer, 60)
  t.equal(await code(verify(token)), 'unknown_key')
})

t.test('the last known keys are used while the issuer is out of reach, for ten minutes', async (t) => {
  const { issuer, verify } = await started(t)
  const token = await issuer.token({ status: undefined, exp: issuer.seconds + 3600 })
  await verify(token)
  await issuer.stop()
  advance(issuer, 60)
  await verify(token)
  await verify(token)
  advance(issuer, 599)
  await verify(token)
  advance(issuer, 1)
  t.equal(await code(verify(token)), 'keys_unavailable')
  await issuer.resume()
  advance(issuer, 1)
  await verify(token)
})

t.test('without keys nothing is accepted, and the issuer is asked once a second', async (t) => {
  const { issuer, verify } = await started(t)
  const token = await issuer.token({ status: undefined })
  issuer.intercept = (_path, response) => {
    response.writeHead(500).end()
    return true
  }
  for (let i = 0; i < 5; i++) t.equal(await code(verify(token)), 'keys_unavailable')
  t.equal(issuer.fetches.keys, 1)
  advance(issuer, 1)
  t.equal(await code(verify(token)), 'keys_unavailable')
  t.equal(issuer.fetches.keys, 2)
})

t.test('a clock that is set back makes no old copy fresh', async (t) => {
  const { issuer, verify } = await started(t)
  await verify()
  advance(issuer, -10)
  await verify()
  t.equal(issuer.fetches.keys, 2)
})

t.test('an answer that is not a key set, is too large or is a redirect is refused', async (t) => {
  for (const answer of [
    '[]',
    '{}',
    'null',
    '{"keys":{}}',
    'x',
    '',
    `{"keys":[],"x":"${'x'.repeat(300_000)}"}`,
  ]) {
    const { issuer, verify } = await started(t)
    issuer.intercept = (_path, response) => {
      response.writeHead(200).end(answer)
      return true
    }
    t.equal(await code(verify()), 'keys_unavailable')
  }
  const { issuer, verify } = await started(t)
  issuer.intercept = (path, response) => {
    if (path !== 'certs') return false
    response.writeHead(302, { location: `${issuer.url}/elsewhere` }).end()
    return true
  }
  t.equal(await code(verify()), 'keys_unavailable')
})

t.test('an issuer that does not answer is given up', async (t) => {
  const { issuer, verify } = await started(t, { timeoutSeconds: 0.2 })
  issuer.intercept = () => true
  t.equal(await code(verify()), 'keys_unavailable')
})

t.test('only signature keys with kid and algorithm are used', async (t) => {
  const { issuer, verify } = await started(t)
  const { jwk } = issuer.key
  const { kid: _kid, ...unnamed } = jwk
  const { alg: _alg, ...anyAlgorithm } = jwk
  for (const keys of [
    ['x', null],
    [unnamed],
    [anyAlgorithm],
    [{ ...jwk, use: 'enc' }],
    [{ ...jwk, kty: 'oct', k: 'AA' }],
    [{ ...jwk, kty: undefined }],
    [{ ...jwk, alg: 'HS256' }],
    [{ ...jwk, x: 'AA' }],
  ]) {
    issuer.jwks = keys
    advance(issuer, 400)
    t.equal(await code(verify()), 'unknown_key', JSON.stringify(keys))
  }
  issuer.jwks = [jwk, { ...jwk, x: 'AA' }]
  advance(issuer, 400)
  t.equal(await code(verify()), undefined, 'the first of two of one name')
})
