import { createPublicKey } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { ALGORITHMS } from '../../src/domain/realm.ts'
import { until } from '../support/embedded.ts'
import { TESTER, testServer } from '../support/server.ts'

const CERTS = '/realms/acme/protocol/openid-connect/certs'

async function acme(t: Test, algorithm: 'ES256' | 'RS256' = 'ES256') {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', { algorithm })
  return server
}

t.test('the JWKS holds only public keys, named by their thumbprints', async (t) => {
  const { app, operations } = await acme(t)
  const answer = await app.inject(CERTS)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['access-control-allow-origin'], '*')
  const { keys } = answer.json()
  const [stored] = await operations.signingKeys.list(TESTER, 'acme')
  const kid = stored?.kid as string
  t.match(keys, [{ kid, kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' }])
  t.same(Object.keys(keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const { calculateJwkThumbprint } = await import('jose')
  t.equal(await calculateJwkThumbprint(keys[0]), kid)
  const rsa = (await (await acme(t, 'RS256')).app.inject(CERTS)).json().keys[0]
  t.same(Object.keys(rsa).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
})

t.test('a cache keeps it for no longer than the realm says, and not all caches for as long', async (t) => {
  const { app } = await acme(t)
  const ages = new Set<number>()
  for (let i = 0; i < 40; i++) {
    const [, age] =
      /^public, max-age=(\d+)$/.exec((await app.inject(CERTS)).headers['cache-control'] as string) ?? []
    ages.add(Number(age))
  }
  t.ok(ages.size > 1)
  for (const age of ages) t.ok(age >= 240 && age <= 300, `${age}`)
})

t.test('a conditional GET is 304 until the JWKS changes', async (t) => {
  const { app, operations } = await acme(t)
  const { etag } = (await app.inject(CERTS)).headers
  t.match(etag, /^"[\w-]{22}"$/)
  const ask = (value: string) => app.inject({ url: CERTS, headers: { 'if-none-match': value } })
  for (const value of [etag as string, `W/${etag}`, `"x", ${etag}`, '*']) {
    const answer = await ask(value)
    t.equal(answer.statusCode, 304)
    t.equal(answer.body, '')
    t.equal(answer.headers['etag'], etag)
    t.match(answer.headers['cache-control'], /^public, max-age=/)
  }
  t.equal((await ask('"other"')).statusCode, 200)
  await operations.signingKeys.rotate(TESTER, 'acme')
  const changed = await ask(etag as string)
  t.equal(changed.statusCode, 200)
  t.not(changed.headers['etag'], etag)
  t.equal(changed.json().keys.length, 2)
})

t.test('HEAD answers as GET does, without the body', async (t) => {
  const { app } = await acme(t)
  const head = await app.inject({ method: 'HEAD', url: CERTS })
  const get = await app.inject(CERTS)
  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  t.equal(head.headers['etag'], get.headers['etag'])
  t.equal(head.headers['content-length'], get.headers['content-length'])
})

t.test('a revoked key is gone from every node at once, and another one signs', async (t) => {
  const { app, operations, databaseUrl, clock } = await acme(t)
  const other = await testServer(t, { databaseUrl, clock })
  const [{ kid }] = (await other.app.inject(CERTS)).json().keys
  await operations.signingKeys.revoke(TESTER, 'acme', kid)
  for (const node of [app, other.app]) {
    const { keys } = (await node.inject(CERTS)).json()
    t.equal(keys.length, 1)
    t.not(keys[0].kid, kid)
  }
  await t.rejects(operations.signingKeys.revoke(TESTER, 'acme', kid), { code: 'not_found' })
})

t.test('the JWKS of an unknown realm is 404', async (t) => {
  const { app } = await acme(t)
  for (const realm of ['nobody', 'ACME', '%00']) {
    const answer = await app.inject(`/realms/${realm}/protocol/openid-connect/certs`)
    t.equal(answer.statusCode, 404)
    t.same(answer.json(), { error: 'Realm does not exist' })
  }
})

t.test('a realm that is not in memory is 503 without the database', async (t) => {
  const { app, cutDatabase } = await acme(t)
  await cutDatabase()
  const answer = await app.inject(CERTS)
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '1')
})

t.test('while the database is away, caches may keep it only for the rest of its time', async (t) => {
  const { app, clock, cutDatabase } = await acme(t)
  const known = await app.inject(CERTS)
  const giveBack = await cutDatabase()
  clock.advance(100)
  const young = await app.inject(CERTS)
  t.equal(young.body, known.body)
  const seconds = Number(/^public, max-age=(\d+)$/.exec(young.headers['cache-control'] as string)?.[1])
  t.ok(seconds >= 160 && seconds <= 200, `${seconds}`)
  clock.advance(250)
  const old = await app.inject(CERTS)
  t.equal(old.body, known.body)
  t.equal(old.headers['cache-control'], 'public, no-cache')
  await giveBack()
  // Within the patience for a document, a busy machine may not have connected again yet.
  await until(async () => {
    const { headers } = await app.inject(CERTS)
    return /^public, max-age=2\d\d$/.test(String(headers['cache-control']))
  })
})

t.test('while the database is slow, no JWKS is served that may lack a key that signs', async (t) => {
  const { app, clock, databaseUrl } = await acme(t)
  await app.inject(CERTS)
  const other = await testServer(t, { databaseUrl, clock })
  await other.operations.signingKeys.rotate(TESTER, 'acme')
  clock.advance(400)
  const slow = new pg.Client(databaseUrl)
  await slow.connect()
  await slow.query('begin; lock table realms in access exclusive mode')
  const asked = app.inject(CERTS)
  await sleep(600)
  await slow.query('commit')
  await slow.end()
  t.equal((await asked).json().keys.length, 2)
})

t.test('a realm that was seen to be gone does not come back when the database goes', async (t) => {
  const { app, operations, cutDatabase } = await acme(t)
  t.equal((await app.inject(CERTS)).statusCode, 200)
  await operations.realms.delete(TESTER, 'acme')
  t.equal((await app.inject(CERTS)).statusCode, 404)
  const giveBack = await cutDatabase()
  t.equal((await app.inject(CERTS)).statusCode, 503)
  await giveBack()
})

t.test('the keys are available in PEM, all or one', async (t) => {
  const server = await testServer(t)
  for (const algorithm of ALGORITHMS) {
    const name = algorithm.toLowerCase()
    await server.operations.realms.create(TESTER, name, { algorithm })
    const certs = `/realms/${name}/protocol/openid-connect/certs`
    const [jwk] = (await server.app.inject(certs)).json().keys
    const all = await server.app.inject(`${certs}?format=pem`)
    t.equal(all.statusCode, 200)
    t.equal(all.headers['content-type'], 'application/x-pem-file')
    t.match(all.body, `# ${jwk.kid} ${algorithm}\n-----BEGIN PUBLIC KEY-----\n`)
    t.match(createPublicKey(all.body).export({ format: 'jwk' }), { kty: jwk.kty })
    t.equal((await server.app.inject(`${certs}?format=pem&kid=${jwk.kid}`)).body, all.body)
    for (const query of ['kid=x', 'kid=', `kid=${jwk.kid}&kid=${jwk.kid}`])
      t.equal((await server.app.inject(`${certs}?format=pem&${query}`)).statusCode, 404, query)
    const etag = all.headers['etag'] as string
    const again = await server.app.inject({ url: `${certs}?format=pem`, headers: { 'if-none-match': etag } })
    t.equal(again.statusCode, 304)
  }
})
