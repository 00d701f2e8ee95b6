import t, { type Test } from 'tap'
import { createVerifier, TokenError, type VerifierOptions } from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

async function started(t: Test, options: Partial<VerifierOptions> = {}) {
  const issuer = await Issuer.start(t)
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    now: issuer.now,
    ...options,
  })
  const token = await issuer.token({ exp: issuer.seconds + 86_400 })
  return { issuer, verifier, token, check: (claims = {}) => refusalOf(verifier, issuer, claims) }
}

async function refusalOf(verifier: ReturnType<typeof createVerifier>, issuer: Issuer, claims: object) {
  return codeOf(verifier.verify(await issuer.token({ ...claims })))
}

async function codeOf(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof TokenError) return error.code
      throw error
    },
  )
}

t.test('a revoked token is refused once the copy of the list is older than its ttl', async (t) => {
  const { issuer, verifier, token } = await started(t)
  t.equal(await codeOf(verifier.verify(token)), undefined)
  issuer.revoked.set(7, 1)
  issuer.time += 9_999
  t.equal(await codeOf(verifier.verify(token)), undefined)
  issuer.time += 1
  t.equal(await codeOf(verifier.verify(token)), 'revoked')
  issuer.revoked.set(7, 2)
  issuer.time += 10_000
  t.equal(await codeOf(verifier.verify(token)), 'suspended')
  issuer.revoked.set(7, 3)
  issuer.time += 10_000
  t.equal(await codeOf(verifier.verify(token)), 'status_invalid')
})

t.test('the list is fetched once a ttl, however many tokens are verified', async (t) => {
  const { issuer, verifier, token } = await started(t)
  for (let i = 0; i < 3; i++) {
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)))
    t.equal(issuer.fetches.status, i + 1)
    issuer.time += 10_000
  }
  t.equal(issuer.fetches.notModified > 0, true)
})

t.test(
  'without a list tokens are refused, and accepted for a while only where that was asked for',
  async (t) => {
    const closed = await started(t)
    await closed.verifier.verify(closed.token)
    await closed.issuer.stop()
    closed.issuer.time += 10_000
    t.equal(await codeOf(closed.verifier.verify(closed.token)), 'status_unavailable')

    const open = await started(t, { whenStatusUnavailable: { acceptForSeconds: 60 } })
    const revoked = await open.issuer.token({
      exp: open.issuer.seconds + 86_400,
      status: { status_list: { idx: 9, uri: open.issuer.statusUri } },
    })
    open.issuer.revoked.set(9, 1)
    t.equal(await codeOf(open.verifier.verify(open.token)), undefined)
    await open.issuer.stop()
    open.issuer.time += 69_000
    t.equal(await codeOf(open.verifier.verify(open.token)), undefined)
    t.equal(await codeOf(open.verifier.verify(revoked)), 'revoked', 'what the last list named stays refused')
    open.issuer.time += 1000
    t.equal(await codeOf(open.verifier.verify(open.token)), 'status_unavailable')
  },
)

t.test('a failure long ago lets no revoked token in', async (t) => {
  const { issuer, verifier, token } = await started(t, { whenStatusUnavailable: { acceptForSeconds: 3600 } })
  t.equal(await codeOf(verifier.verify(token)), undefined)
  await issuer.stop()
  issuer.time += 11_000
  t.equal(await codeOf(verifier.verify(token)), undefined)
  await issuer.resume()
  issuer.revoked.set(7, 1)
  issuer.time += 3_000_000
  const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(verifier.verify(token))))
  t.same(codes, Array(5).fill('revoked'))
})

t.test(
  'a place beyond the end of the list is unavailable while nobody can say whether it has grown',
  async (t) => {
    const { issuer, verifier, check } = await started(t)
    await verifier.verify(await issuer.token())
    issuer.time += 2000
    await issuer.stop()
    t.equal(
      await check({ status: { status_list: { idx: 5000, uri: issuer.statusUri } } }),
      'status_unavailable',
    )
  },
)

t.test('where there never was a list, fail open counts from the first attempt', async (t) => {
  const { issuer, verifier, token } = await started(t, { whenStatusUnavailable: { acceptForSeconds: 60 } })
  issuer.intercept = (path, response) => {
    if (path === 'certs') return false
    response.writeHead(500).end()
    return true
  }
  t.equal(await codeOf(verifier.verify(token)), undefined)
  issuer.time += 59_999
  t.equal(await codeOf(verifier.verify(token)), undefined)
  issuer.time += 1
  t.equal(await codeOf(verifier.verify(token)), 'status_unavailable')
})

t.test('a token has to name its place in a list of its issuer', async (t) => {
  const { issuer, check } = await started(t)
  t.equal(await check({ status: undefined }), 'status_missing')
  const at = (idx: unknown, uri: unknown = issuer.statusUri) => ({ status: { status_list: { idx, uri } } })
  for (const claims of [
    { status: 'x' },
    { status: {} },
    { status: { status_list: [] } },
    at(undefined),
    at(-1),
    at(1.5),
    at('7'),
    at(7, null),
    at(7, 7),
    at(7, 'https://evil.example/status'),
    at(7, `${issuer.url}.evil.example/x`),
    at(7, `${issuer.url}/../../admin`),
    at(7, `${issuer.url}/%2e%2e/x`),
  ])
    t.equal(await check(claims), 'status_invalid', JSON.stringify(claims))
  t.equal(await check(at(100_000)), 'status_invalid', 'beyond the end of the list')
})

t.test('a token without a place is accepted where that was asked for', async (t) => {
  const { check } = await started(t, { requireStatus: false })
  t.equal(await check({ status: undefined }), undefined)
})

t.test('a list that has grown is fetched again for a place beyond the end of the old one', async (t) => {
  const { issuer, check } = await started(t)
  t.equal(await check(), undefined)
  issuer.time += 2000
  ;(issuer as { size: number }).size = 4096
  issuer.statusClaims = { grown: true }
  t.equal(await check({ status: { status_list: { idx: 4000, uri: issuer.statusUri } } }), undefined)
  t.equal(issuer.fetches.status, 2)
})

t.test('a malformed list is refused', async (t) => {
  const { issuer, check } = await started(t)
  const list = (status_list: unknown) => ({ status_list })
  for (const statusClaims of [
    { sub: 'https://other.example' },
    { iss: 'https://other.example' },
    { iat: undefined },
    { iat: issuer.seconds + 100_000 },
    { exp: undefined },
    { exp: issuer.seconds - 10 },
    { ttl: 0 },
    { ttl: 'x' },
    list(undefined),
    list({ bits: 3, lst: 'eNpjAAAAAQAB' }),
    list({ bits: 1, lst: '!' }),
    list({ bits: 1, lst: 'AAAA' }),
  ]) {
    issuer.statusClaims = statusClaims
    issuer.time += 20_000
    t.equal(await check(), 'status_unavailable', JSON.stringify(statusClaims))
  }
  issuer.statusClaims = {}
  issuer.statusHeader = { typ: 'at+jwt' }
  issuer.time += 20_000
  t.equal(await check(), 'status_unavailable', 'another type')
  issuer.statusHeader = {}
  issuer.time += 20_000
  issuer.statusClaims = { iss: issuer.url }
  issuer.ttl = undefined
  t.equal(await check(), undefined, 'iss and ttl are not needed')
})

t.test('an expired copy is not renewed by being told that nothing changed', async (t) => {
  const { issuer, verifier, token } = await started(t)
  issuer.statusClaims = { exp: issuer.seconds + 20 }
  t.equal(await codeOf(verifier.verify(token)), undefined)
  issuer.time += 30_000
  issuer.statusClaims = { exp: issuer.seconds + 20 }
  t.equal(await codeOf(verifier.verify(token)), undefined)
  t.equal(issuer.fetches.notModified, 0)
})

t.test('a signer that names ever new lists cannot fill the memory', async (t) => {
  const { issuer, check } = await started(t)
  const codes = new Set<string | undefined>()
  for (let i = 0; i < 70; i++)
    codes.add(await check({ status: { status_list: { idx: 1, uri: `${issuer.url}/lists/${i}` } } }))
  t.same([...codes], ['revoked'], 'a list that is not there is an answer')
})
