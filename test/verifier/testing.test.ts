import t from 'tap'
import { createVerifier, type TokenError } from '../../packages/verifier/src/index.ts'
import { createTestIssuer } from '../../packages/verifier/src/testing.ts'

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error as TokenError).code,
  )
}

t.test('an API is tested without a server: good, expired, forged and revoked tokens', async (t) => {
  const issuer = await createTestIssuer({ audience: 'https://devices.example' })
  t.teardown(() => issuer.close())
  const verifier = createVerifier(issuer.verifierOptions)

  const token = await issuer.token({ client_id: 'sa-7', scope: 'devices:read', roles: ['view'] })
  t.match(await verifier.verify(token), { clientId: 'sa-7', scope: ['devices:read'], roles: ['view'] })
  t.equal(await codeOf(verifier.verify(await issuer.expiredToken())), 'expired')
  t.equal(await codeOf(verifier.verify(await issuer.forgedToken())), 'bad_signature')
  t.equal(
    await codeOf(verifier.verify(await issuer.token({ aud: 'https://other.example' }))),
    'wrong_audience',
  )

  t.equal(await codeOf(verifier.verify(token, { check: 'introspect' })), 'accepted')
  issuer.revoke(token)
  t.equal(await codeOf(verifier.verify(token, { check: 'introspect' })), 'revoked')
  t.equal(await codeOf(verifier.verify(await issuer.token())), 'accepted', 'the others live')
  const fresh = createVerifier(issuer.verifierOptions)
  t.equal(await codeOf(fresh.verify(token)), 'revoked')
})

t.test('a test issuer rotates its key, and withdraws the old one where that is wanted', async (t) => {
  const issuer = await createTestIssuer({ algorithm: 'EdDSA' })
  t.teardown(() => issuer.close())
  const old = await issuer.token()
  await issuer.rotateKey()
  t.equal(await codeOf(createVerifier(issuer.verifierOptions).verify(old)), 'accepted')
  await issuer.rotateKey({ withdraw: true })
  const verifier = createVerifier(issuer.verifierOptions)
  t.equal(await codeOf(verifier.verify(old)), 'unknown_key')
  t.equal(await codeOf(verifier.verify(await issuer.token())), 'accepted')
})
