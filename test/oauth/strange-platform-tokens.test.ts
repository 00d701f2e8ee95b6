import fc from 'fast-check'
import t from 'tap'
import { parseRules } from '../../src/domain/claim-rule.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { readNewIssuer } from '../../src/operations/federation/sent-issuer.ts'
import { ACME, bound, platformForm, SHAPES, testPlatform, trust } from '../support/platform.ts'
import { TESTER, testServer } from '../support/server.ts'

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('', '\0', '\ud800', 1e308, -0, 2 ** 53, [], {}, null, ACME, 'workload', 'spiffe://td/a'),
)

const members = (names: readonly string[]) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor'), fc.string()), anything, {
    maxKeys: 6,
  })

const HEADER = ['alg', 'kid', 'typ', 'crit', 'jwk', 'b64']
const CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'kubernetes.io', 'repository_id']

t.test('no platform token is a fault, signed by its issuer or not', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const platform = testPlatform(server)
  const required = [['kubernetes.io', 'namespace'], ['repository_id']]
  const id = await trust(server, platform, { requiredClaims: required })
  const { clientId } = await bound(server, id)
  let asked = 0
  const request = fc.record({
    header: members(HEADER),
    claims: members(CLAIMS),
    isRight: fc.boolean(),
    shape: fc.constantFrom(...SHAPES),
    more: fc.dictionary(
      fc.constantFrom('client_id', 'scope', 'actor_token', 'requested_token_type', 'client_assertion_type'),
      fc.oneof(
        fc.string(),
        fc.constantFrom(clientId, 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'),
      ),
      { maxKeys: 2 },
    ),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ header, claims, isRight, shape, more }) => {
      const token = isRight ? platform.token(claims) : platform.token(claims, header)
      const answer = await server.app.inject({
        method: 'POST',
        url: '/realms/acme/protocol/openid-connect/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        remoteAddress: `10.${(asked >> 8) & 255}.${asked++ & 255}.1`,
        payload: new URLSearchParams({ ...platformForm(shape, token), ...more }).toString(),
      })
      if (![200, 400, 401].includes(answer.statusCode))
        throw new Error(`${answer.statusCode} ${answer.body} ${server.log.at(-2)}`)
    }),
    { numRuns: 400 },
  )
})

t.test('rules and key sets of any form are read or refused', async () => {
  const refusedOrRead = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }
  const rule = fc.oneof(anything, members(['claim', 'equals', 'matches']))
  const key = fc.oneof(anything, members(['kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'use', 'kid', 'key_ops']))
  fc.assert(
    fc.property(fc.oneof(anything, fc.array(rule, { maxLength: 9 })), (rules) =>
      refusedOrRead(() => parseRules(rules)),
    ),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.oneof(anything, fc.record({ keys: fc.oneof(anything, fc.array(key)) })), (jwks) =>
      refusedOrRead(() =>
        readNewIssuer({ issuer: 'https://platform.example', keys: { source: 'jwks', jwks: jwks as object } }),
      ),
    ),
    { numRuns: 2000 },
  )
})
