import t, { type Test } from 'tap'
import { createVerifier, type TokenError, type VerifierOptions } from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

const introspection = { clientId: 'rs-1', clientSecret: 's' }

async function started(t: Test, options: Partial<VerifierOptions> = {}) {
  const issuer = await Issuer.start(t)
  issuer.introspectionAnswer = { active: true, ...issuer.claims() }
  const verifier = createVerifier({
    issuer: issuer.url,
    audience: 'https://api.example',
    now: issuer.now,
    introspection,
    ...options,
  })
  return { issuer, verifier, text: await issuer.token() }
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error as TokenError).code,
  )
}

t.test('a token is refused at once where each is introspected', async (t) => {
  const { issuer, verifier, text } = await started(t, { check: 'introspect' })
  t.equal(await codeOf(verifier.verify(text)), 'accepted')
  issuer.introspectionAnswer = { active: false }
  t.equal(await codeOf(verifier.verify(text)), 'revoked')
  t.same(issuer.fetches.status, 0, 'the status list is not needed')
})

t.test(
  'one call can introspect where the others read the status list, and the other way round',
  async (t) => {
    const { issuer, verifier, text } = await started(t)
    issuer.introspectionAnswer = { active: false }
    t.equal(await codeOf(verifier.verify(text)), 'accepted')
    t.equal(await codeOf(verifier.verify(text, { check: 'introspect' })), 'revoked')
    const strict = createVerifier({
      issuer: issuer.url,
      audience: 'https://api.example',
      now: issuer.now,
      introspection,
      check: 'introspect',
    })
    t.equal(await codeOf(strict.verify(text, { check: 'status-list' })), 'accepted')
  },
)

t.test('an introspected token has the scope, roles and permissions that its account still has', async (t) => {
  const { issuer, verifier, text } = await started(t, { check: 'introspect' })
  issuer.introspectionAnswer = { active: true, scope: 'devices:read', roles: [] }
  const token = await verifier.verify(text)
  t.same([token.scope, token.roles, token.authorizationDetails], [['devices:read'], [], []])
})

t.test(
  'an introspection answer is used again for as long as was asked for, and a refusal never',
  async (t) => {
    const { issuer, verifier, text } = await started(t, {
      check: 'introspect',
      introspectionMaxAgeSeconds: 5,
    })
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(text)))
    t.equal(issuer.fetches.introspection, 1)
    issuer.introspectionAnswer = { active: false }
    issuer.time += 4_999
    t.equal(await codeOf(verifier.verify(text)), 'accepted')
    issuer.time += 1
    t.equal(await codeOf(verifier.verify(text)), 'revoked')
    issuer.introspectionAnswer = { active: true }
    t.equal(await codeOf(verifier.verify(text)), 'accepted')
  },
)

t.test('a token whose issuer cannot be asked is not accepted', async (t) => {
  const { issuer, verifier, text } = await started(t, { check: 'introspect' })
  await verifier.verify(text)
  issuer.intercept = (path, response) => {
    if (path !== 'token/introspect') return false
    response.writeHead(503).end()
    return true
  }
  t.equal(await codeOf(verifier.verify(text)), 'introspection_unavailable')
})

t.test('a forged token is refused before the issuer is asked about it', async (t) => {
  const { issuer, verifier, text } = await started(t, { check: 'introspect' })
  const [header, payload] = text.split('.')
  t.equal(await codeOf(verifier.verify(`${header}.${payload}.${'A'.repeat(86)}`)), 'bad_signature')
  t.equal(issuer.fetches.introspection, 0)
})

t.test('a failed introspection of permissions is asked again for the same token', async (t) => {
  const { issuer, verifier } = await started(t)
  const details = [{ type: 'device', identifier: 'd1', privileges: ['operate'] }]
  const omitted = { roles: [], authorization_details: undefined, authorization_details_omitted: true }
  const token = await verifier.verify(await issuer.token(omitted))
  const target = { type: 'device', id: 'd1' }
  issuer.introspectionAnswer = { active: 'broken' }
  t.equal(await codeOf(verifier.mayOn(token, target, 'operate')), 'revoked')
  issuer.introspectionAnswer = { active: true, authorization_details: details }
  t.equal(await verifier.mayOn(token, target, 'operate'), true)
})

t.test('introspection without a service account for it is a mistake of the program', async (t) => {
  const options = { issuer: 'https://auth.example/realms/acme', audience: 'x' }
  t.throws(() => createVerifier({ ...options, check: 'introspect' }), {
    name: 'TypeError',
    message: "check 'introspect' needs the option introspection",
  })
  t.throws(() => createVerifier({ ...options, check: 'both' as never }), TypeError)
})

for (const status of [404, 410]) {
  t.test(
    `a token is refused when its status list answers ${status}, whatever may be done in an outage`,
    async (t) => {
      const { issuer, verifier, text } = await started(t, {
        whenStatusUnavailable: { acceptForSeconds: 600 },
      })
      t.equal(await codeOf(verifier.verify(text)), 'accepted')
      let answer = status
      issuer.intercept = (path, response) => {
        if (!path.startsWith('status-lists/')) return false
        response.writeHead(answer).end()
        return true
      }
      issuer.time += 10_000
      t.equal(await codeOf(verifier.verify(text)), 'revoked')
      answer = 503
      issuer.time += 10_000
      t.equal(await codeOf(verifier.verify(text)), 'revoked', 'an outage afterwards changes nothing')
      issuer.intercept = () => false
      issuer.time += 10_000
      t.equal(await codeOf(verifier.verify(text)), 'accepted')
    },
  )

  t.test(`a token is refused when the keys of its issuer answer ${status}`, async (t) => {
    const { issuer, verifier, text } = await started(t)
    t.equal(await codeOf(verifier.verify(text)), 'accepted')
    issuer.intercept = (path, response) => {
      if (path !== 'certs') return false
      response.writeHead(status).end()
      return true
    }
    issuer.time += 61_000
    const error = await verifier.verify(text).catch((reason) => reason)
    t.match(error, { code: 'unknown_key', status: 401 })
  })
}
