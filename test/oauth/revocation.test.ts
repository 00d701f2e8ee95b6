import { decodeJwt } from 'jose'
import pg from 'pg'
import t from 'tap'
import { tokenFor } from '../support/admin.ts'
import { acme, basic, INACTIVE, introspect, post, testClient } from '../support/introspection.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('a client revokes one of its tokens, on every node and across restarts', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const other = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  const second = await tokenFor(server, 'acme', client.clientId, client.clientSecret)
  const answer = await post(
    server,
    'revoke',
    { token: client.token, token_type_hint: 'access_token' },
    { authorization: basic(client) },
  )
  t.equal(answer.statusCode, 200)
  t.equal(answer.body, '')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(server.log.at(-1), /"outcome":"revoked"/)
  for (const node of [server, other, await testServer(t, { databaseUrl: server.databaseUrl })]) {
    t.equal(await introspect(node, resourceServer, client.token), INACTIVE)
    t.match(await introspect(node, resourceServer, second), '"active":true')
    const admin = await node.app.inject({
      url: '/admin/realms',
      headers: { authorization: `Bearer ${client.token}` },
    })
    t.equal(admin.statusCode, 401)
  }
})

t.test(
  'a client ends tokens of its own alone, and is told nothing of what was not there to be ended',
  async (t) => {
    const { server, client, resourceServer } = await acme(t)
    await server.operations.realms.create(TESTER, 'other')
    const stranger = await testClient(server, 'stranger', 'other')
    const expired = await tokenFor(server, 'acme', client.clientId, client.clientSecret)
    server.clock.advance(300)
    const neighbour = await testClient(server, 'neighbour')
    const spaced = [`${client.token} `, `${client.token}\n`, client.token.replace('.', '. ')]
    for (const token of ['x', 'a.b.c', expired, stranger.token, ...spaced]) {
      const answer = await post(server, 'revoke', { token }, { authorization: basic(client) })
      t.equal(answer.statusCode, 200)
      t.equal(answer.body, '')
      t.match(server.log.at(-1), /"outcome":"left alone","reason":"/)
    }
    const foreign = await post(server, 'revoke', { token: neighbour.token }, { authorization: basic(client) })
    t.equal(foreign.statusCode, 400)
    t.same(foreign.json(), {
      error: 'unauthorized_client',
      error_description: 'The token was not issued to this client.',
    })
    t.match(await introspect(server, resourceServer, neighbour.token), '"active":true')
    t.match(await server.operations.presentedTokens.verify(neighbour.token), { claims: {} })
  },
)

t.test('revocation is idempotent, also ten times at once', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { clientId: client_id, clientSecret: client_secret, token } = client
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => post(server, 'revoke', { token, client_id, client_secret })),
  )
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]))
  t.equal(await introspect(server, resourceServer, token), INACTIVE)
})

t.test('a token whose client or realm goes meanwhile is dead, and that is no fault', async (t) => {
  const { server } = await acme(t)
  for (let round = 0; round < 10; round++) {
    const client = await testClient(server, `client ${round}`)
    const [answer] = await Promise.all([
      post(server, 'revoke', { token: client.token }, { authorization: basic(client) }),
      server.operations.accounts.delete(TESTER, 'acme', client.clientId),
    ])
    t.ok([200, 401].includes(answer.statusCode), answer.body)
  }
  const client = await testClient(server, 'last')
  const presented = await server.operations.clients.authenticate('acme', client, '::1')
  const real = server.operations.revocation.revoke(presented, client.token, '::1')
  const gone = server.operations.realms.delete(TESTER, 'acme')
  await Promise.all([real, gone])
})

t.test('an unknown client revokes nothing', async (t) => {
  const { server, client, resourceServer } = await acme(t)
  const { token } = client
  t.equal((await post(server, 'revoke', { token })).statusCode, 401)
  const wrong = { authorization: basic({ ...client, clientSecret: 'wrong' }) }
  t.equal((await post(server, 'revoke', { token }, wrong)).statusCode, 401)
  t.equal((await post(server, 'revoke', {}, { authorization: basic(client) })).statusCode, 400)
  const got = await server.app.inject('/realms/acme/protocol/openid-connect/revoke')
  t.equal(got.statusCode, 405)
  t.match(await introspect(server, resourceServer, token), '"active":true')
  await server.cutDatabase()
  t.equal((await post(server, 'revoke', { token }, { authorization: basic(client) })).statusCode, 503)
})

t.test('the record of a revoked token is deleted after it expires', async (t) => {
  const { server, client } = await acme(t)
  await post(server, 'revoke', { token: client.token }, { authorization: basic(client) })
  const connection = new pg.Client(server.databaseUrl)
  await connection.connect()
  const count = async () =>
    (await connection.query('select count(*)::int as n from revoked_tokens')).rows[0].n
  server.clock.advance(300)
  t.equal(await server.operations.expiry.deleteExpired(), false)
  t.equal(await count(), 1)
  server.clock.advance(121)
  t.equal(await server.operations.expiry.deleteExpired(), false)
  t.equal(await count(), 0)
  await connection.end()
})

t.test('a revocation leaves one audit event with client and address', async (t) => {
  const { server, client } = await acme(t)
  const asked = () => post(server, 'revoke', { token: client.token }, { authorization: basic(client) })
  await Promise.all([asked(), asked(), asked()])
  await asked()
  const { items } = await server.operations.audit.list(TESTER, 'acme', {
    limit: 10,
    action: 'token.revoke',
  })
  t.equal(items.length, 1)
  t.match(items[0], {
    actor: { kind: 'api', id: `acme/${client.clientId}`, address: '127.0.0.1' },
    target: client.clientId,
    outcome: 'done',
    details: { jti: decodeJwt(client.token).jti },
  })
})
