import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { tokenFor } from '../support/admin.ts'
import { TESTER, type TestServer, testClock, testServer } from '../support/server.ts'

const PATH = '/realms/acme/protocol/openid-connect'
const MAX_AGE = 58

/** Two nodes whose clocks are as far off the database's as they may be, one ahead and one behind. */
async function skewedNodes(t: Test) {
  const start = Math.floor(Date.now() / 1000) * 1000
  const fast = await testServer(t, { clock: testClock(new Date(start + 60_000)) })
  const slow = await testServer(t, {
    clock: testClock(new Date(start - 60_000)),
    databaseUrl: fast.databaseUrl,
  })
  await slow.operations.realms.create(TESTER, 'acme', {
    jwksMaxAgeSeconds: MAX_AGE,
    tokenLifetimeSeconds: 3600,
  })
  const made = await slow.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    roles: ['introspect'],
  })
  const pass = (seconds: number) => {
    fast.clock.advance(seconds)
    slow.clock.advance(seconds)
  }
  const token = (node: TestServer) => tokenFor(node, 'acme', made.account.clientId, made.clientSecret)
  const post = async (node: TestServer, endpoint: string, asked: string) => {
    const { clientId } = made.account
    const answer = await node.app.inject({
      method: 'POST',
      url: `${PATH}/${endpoint}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({
        client_id: clientId,
        client_secret: made.clientSecret,
        token: asked,
      }).toString(),
    })
    return answer.body === '' ? undefined : answer.json()
  }
  const keys = async (node: TestServer) => (await node.app.inject(`${PATH}/certs`)).json()
  return { fast, slow, pass, token, post, keys }
}

for (const [publisher, promoter] of [
  ['slow', 'fast'],
  ['fast', 'slow'],
] as const)
  t.test(`no key signs before every cache knows it, published by the ${publisher} clock`, async (t) => {
    const { pass, token, keys, ...nodes } = await skewedNodes(t)
    const cached = createLocalJWKSet(await keys(nodes[promoter]))
    const next = await nodes[publisher].operations.signingKeys.rotate(TESTER, 'acme')
    // A validator may go by what it got right before for that long.
    for (let second = 0; second < MAX_AGE; second += 19) {
      await nodes[promoter].operations.signingKeys.rotateDue()
      await jwtVerify(await token(nodes[promoter]), cached, { currentDate: nodes[promoter].clock.now })
      pass(19)
    }
    pass(300)
    await nodes[promoter].operations.signingKeys.rotateDue()
    t.equal(decodeProtectedHeader(await token(nodes[promoter])).kid, next.kid, 'and then it signs')
  })

for (const [retirer, remover] of [
  ['slow', 'fast'],
  ['fast', 'slow'],
] as const)
  t.test(`a retired key is published while its tokens count, retired by the ${retirer} clock`, async (t) => {
    const { pass, token, keys, fast, slow } = await skewedNodes(t)
    const nodes = { fast, slow }
    await nodes[retirer].operations.signingKeys.rotate(TESTER, 'acme')
    pass(MAX_AGE + 125)
    const last = await token(fast)
    await nodes[retirer].operations.signingKeys.rotateDue()
    // The last second in which the slow clock takes it as valid.
    pass(3600 + 119)
    await nodes[remover].operations.signingKeys.rotateDue()
    await jwtVerify(last, createLocalJWKSet(await keys(slow)), { currentDate: slow.clock.now })
    t.ok(true)
  })

t.test('a token of the fast node is active on the slow one at once', async (t) => {
  const { fast, slow, token, post } = await skewedNodes(t)
  t.match(await post(slow, 'token/introspect', await token(fast)), { active: true })
})

t.test('a revoked token stays revoked on the slow node when the fast one cleans up', async (t) => {
  const { fast, slow, pass, token, post } = await skewedNodes(t)
  const revoked = await token(fast)
  await post(fast, 'revoke', revoked)
  pass(3600 + 61)
  await fast.operations.expiry.deleteExpired()
  t.equal((await post(slow, 'token/introspect', revoked)).active, false)
})
