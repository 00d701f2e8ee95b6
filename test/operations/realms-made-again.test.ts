import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { tokenFor } from '../support/admin.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const ISSUER = 'https://auth.test/realms/acme'
const PATH = '/realms/acme/protocol/openid-connect'

/** Two nodes, the second of which has met the realm and its account. */
async function acme(t: Test) {
  const one = await testServer(t)
  const other = await testServer(t, { databaseUrl: one.databaseUrl, clock: one.clock })
  const { version } = await one.operations.realms.create(TESTER, 'acme')
  const made = await one.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
    roles: ['introspect'],
  })
  const token = await tokenFor(other, 'acme', made.account.clientId, made.clientSecret)
  await other.app.inject(`${PATH}/status-lists/0`)
  await other.app.inject(`${PATH}/certs`)
  const client = new pg.Client(one.databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  return { one, other, version, token, client, made }
}

const keySet = async ({ app }: TestServer) => (await app.inject(`${PATH}/certs`)).json()

for (const [how, differ] of [
  ['lower than the old one', -50_000_000n],
  ['equal to the old one', 0n],
  ['higher than the old one', 50_000_000n],
] as const)
  t.test(`a realm made again signs with its own key when its version is ${how}`, async (t) => {
    const { one, other, version, token, client } = await acme(t)
    await one.operations.realms.delete(TESTER, 'acme')
    await one.operations.realms.create(TESTER, 'acme')
    await client.query("update realms set version = $1 where name = 'acme'", [BigInt(version) + differ])
    const made = await one.operations.accounts.create(TESTER, 'acme', {
      name: 'CI',
      roles: ['introspect'],
    })
    const credentials = { client_id: made.account.clientId, client_secret: made.clientSecret }

    const fresh = await tokenFor(other, 'acme', made.account.clientId, made.clientSecret)
    t.same(await keySet(other), await keySet(one))
    const keys = createLocalJWKSet(await keySet(one))
    const currentDate = one.clock.now
    await jwtVerify(fresh, keys, { issuer: ISSUER, currentDate })
    t.not(decodeProtectedHeader(fresh).kid, decodeProtectedHeader(token).kid)
    const list = await other.app.inject(`${PATH}/status-lists/0`)
    await jwtVerify(list.body, keys, { issuer: ISSUER, currentDate })

    const introspect = async (asked: string) => {
      const answer = await other.app.inject({
        method: 'POST',
        url: `${PATH}/token/introspect`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({ ...credentials, token: asked }).toString(),
      })
      return answer.json().active
    }
    t.equal(await introspect(fresh), true)
    t.equal(await introspect(token), false, 'tokens of the realm before are dead')
  })

t.test('a version that went back with a restored database is followed', async (t) => {
  const { one, other, made, client } = await acme(t)
  await client.query(
    `update realms set version = version - 1, token_lifetime_seconds = 60 where name = 'acme'`,
  )
  const token = await tokenFor(other, 'acme', made.account.clientId, made.clientSecret)
  const { payload } = await jwtVerify(token, createLocalJWKSet(await keySet(one)), {
    currentDate: one.clock.now,
  })
  t.equal((payload.exp as number) - (payload.iat as number), 60)
})
