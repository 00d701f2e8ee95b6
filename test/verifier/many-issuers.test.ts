import t from 'tap'
import { createMultiIssuerVerifier, type TokenError } from '../../packages/verifier/src/index.ts'
import { Issuer } from './issuer.ts'

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error as TokenError).code,
  )
}

t.test('the issuer of a token chooses how it is verified, from a list alone', async (t) => {
  const issuers = await Promise.all([Issuer.start(t), Issuer.start(t), Issuer.start(t)])
  const [first, second, stranger] = issuers as [Issuer, Issuer, Issuer]
  const verifier = createMultiIssuerVerifier(
    [first, second].map(({ url, now }) => ({ issuer: url, audience: 'https://api.example', now })),
  )
  t.same(verifier.issuers, [first.url, second.url])
  for (const issuer of [first, second])
    t.equal((await verifier.verify(await issuer.token())).issuer, issuer.url)
  t.equal(await codeOf(verifier.verify(await stranger.token())), 'wrong_issuer')
  t.same(stranger.fetches, { keys: 0, status: 0, notModified: 0, introspection: 0 })

  const posing = await stranger.token({ iss: first.url })
  t.equal(await codeOf(verifier.verify(posing)), 'bad_signature')
  const ofNone = await first.token({ iss: undefined })
  t.equal(await codeOf(verifier.verify(ofNone)), 'wrong_issuer')
  for (const text of ['', 'x', 'a.b.c', `${'a'.repeat(2 ** 21)}`])
    t.match(await codeOf(verifier.verify(text)), /^(malformed|too_large)$/)

  const token = await verifier.authenticate({
    headers: { authorization: `Bearer ${await second.token()}` },
  })
  t.ok(await verifier.mayOn(token, { type: 'device_group', id: 'eu-edge' }, 'operate'))
  await verifier.requireRoleOn(token, { type: 'device_group', id: 'eu-edge' }, 'operate')
})

t.test('a list of issuers that is empty or names one twice is a mistake of the program', async (t) => {
  const options = { issuer: 'https://auth.example/realms/acme', audience: 'x' }
  t.throws(() => createMultiIssuerVerifier([]), TypeError)
  t.throws(() => createMultiIssuerVerifier([options, options]), TypeError)
})

t.test('recall knows a token that its issuer took before, while all at hand is fresh', async (t) => {
  const [first, second] = (await Promise.all([Issuer.start(t), Issuer.start(t)])) as [Issuer, Issuer]
  const verifier = createMultiIssuerVerifier(
    [first, second].map(({ url, now }) => ({
      issuer: url,
      audience: 'https://api.example',
      now,
      rememberTokens: 10,
    })),
  )
  const [one, two] = [await first.token(), await second.token({ authorization_details_omitted: true })]
  t.equal(verifier.recall(one), undefined, 'never seen')
  await verifier.verify(one)
  await verifier.verify(two)
  t.equal(verifier.recall(one)?.issuer, first.url)
  t.ok(Object.isFrozen(verifier.recall(one)))
  t.equal(verifier.recall(two), undefined, 'its permissions are the issuer to ask for')
  t.equal(verifier.recall(one, { check: 'introspect' }), undefined)
  const asked = { ...first.fetches }
  first.time += 11_000
  t.equal(verifier.recall(one), undefined, 'the list is stale')
  t.same(first.fetches, asked, 'nothing is asked')
  await verifier.verify(one)
  t.ok(verifier.recall(one))
  first.time -= 60_000
  t.equal(verifier.recall(one), undefined, 'the clock was set back')
})
