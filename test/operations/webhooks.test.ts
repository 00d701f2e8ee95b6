import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, flattenedVerify } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { MAX_ATTEMPTS, type WebhookEvent } from '../../src/domain/webhook.ts'
import type { KeyFetchSettings } from '../../src/operations/federation/guarded-fetch.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128']

interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A receiver on this machine that answers as it is told. */
async function receiver(t: Test) {
  const received: Received[] = []
  const state: { answer: RequestListener } = {
    answer: (_request, response) => void response.writeHead(204).end(),
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk
    })
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body })
      state.answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received, state }
}

const statusOf =
  (status: number, headers = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end('x')

async function withWebhook(
  t: Test,
  events: readonly WebhookEvent[] = ['signing_key.revoked'],
  sending: Partial<KeyFetchSettings> = {},
) {
  const hook = await receiver(t)
  const server = await testServer(t, { webhookSending: { networks: LOOPBACK, ca: undefined, ...sending } })
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const webhook = await operations.webhooks.create(TESTER, 'acme', { url: hook.url, events })
  const deliveries = async (id = webhook.id) =>
    (await operations.webhookDeliveries.list(TESTER, 'acme', id, { limit: 100 })).items
  return { ...server, ...hook, webhook, deliveries, send: () => sendAll(server) }
}

async function sendAll({ operations: { webhookSender } }: Pick<TestServer, 'operations'>): Promise<void> {
  do await webhookSender.idle()
  while ((await webhookSender.sendDue()) > 0)
}

/** Something that is told in its transaction. */
async function revokeKey({ operations }: Pick<TestServer, 'operations'>): Promise<string> {
  const { kid } = await operations.signingKeys.rotate(TESTER, 'acme')
  await operations.signingKeys.revoke(TESTER, 'acme', kid)
  return kid
}

t.test('a delivery has the headers of Standard Webhooks, and the realm’s key signs it', async (t) => {
  const server = await withWebhook(t)
  const kid = await revokeKey(server)
  await server.send()
  const [{ headers, body } = t.fail('nothing came') as never] = server.received
  t.match(JSON.parse(body), { type: 'signing_key.revoked', timestamp: String, data: { realm: 'acme', kid } })
  t.match(headers, { 'content-type': 'application/json', 'webhook-id': /^msg_[0-9a-f]{32}$/ })
  const jwks = (await server.app.inject('/realms/acme/protocol/openid-connect/certs')).json()
  const [head = '', signature = ''] = String(headers['webhook-signature']).replace(/^jws,/, '').split('..')
  const payload = Buffer.from(body).toString('base64url')
  const { protectedHeader } = await flattenedVerify(
    { protected: head, payload, signature },
    createLocalJWKSet(jwks),
  )
  t.match(protectedHeader, {
    typ: 'webhook+jws',
    iss: 'https://auth.test/realms/acme',
    aud: server.url,
    jti: headers['webhook-id'],
    iat: Number(headers['webhook-timestamp']),
  })
  t.match(await server.deliveries(), [{ attempts: 1, answered: 204, deliveredAt: Date, fault: undefined }])
  await t.rejects(
    flattenedVerify({ protected: head, payload: `${payload}AA`, signature }, createLocalJWKSet(jwks)),
    'another body is refused',
  )
})

t.test('a signed delivery is no token: introspection says so', async (t) => {
  const server = await withWebhook(t)
  await revokeKey(server)
  await server.send()
  const [{ headers, body }] = server.received as [Received]
  const [head, signature] = String(headers['webhook-signature']).slice(4).split('..')
  const jws = `${head}.${Buffer.from(body).toString('base64url')}.${signature}`
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'API',
    roles: ['introspect'],
  })
  const answer = await server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token/introspect',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      token: jws,
      client_id: account.clientId,
      client_secret: clientSecret,
    }).toString(),
  })
  t.same(answer.json(), { active: false })
})

t.test(
  'what failed is sent again later with the same webhook-id, signed anew, until it is given up',
  async (t) => {
    const server = await withWebhook(t)
    server.state.answer = statusOf(500)
    await revokeKey(server)
    await server.send()
    await server.send()
    t.equal(server.received.length, 1, 'not at once')
    for (let n = 1; n < MAX_ATTEMPTS; n++) {
      const [{ dueAt } = { dueAt: undefined }] = await server.deliveries()
      t.ok(dueAt, `attempt ${n + 1} is due`)
      server.clock.now = dueAt as Date
      await server.send()
    }
    t.equal(server.received.length, MAX_ATTEMPTS)
    t.equal(new Set(server.received.map(({ headers }) => headers['webhook-id'])).size, 1)
    t.equal(new Set(server.received.map(({ headers }) => headers['webhook-signature'])).size, MAX_ATTEMPTS)
    t.match(await server.deliveries(), [
      { attempts: MAX_ATTEMPTS, answered: 500, fault: /status 500/, dueAt: undefined },
    ])
    const paused = await server.operations.webhooks.find(TESTER, 'acme', server.webhook.id)
    t.match(paused, { enabled: false, pausedReason: 'failing' }, 'nothing has worked for three days')
    const { items } = await server.operations.audit.list(TESTER, 'acme', {
      action: 'webhook.pause',
      limit: 10,
    })
    t.match(items, [{ target: server.webhook.id, actor: { kind: 'server' }, details: { reason: 'failing' } }])
    t.match(server.warnings.join('\n'), /web hook \w+ of realm acme is paused: no attempt has succeeded/)
    await revokeKey(server)
    t.equal((await server.deliveries()).length, 1, 'a paused one is told of nothing')
  },
)

t.test(
  'an address that is gone is paused at once; enabled again, what failed can be sent again',
  async (t) => {
    const server = await withWebhook(t)
    const { webhooks, webhookDeliveries } = server.operations
    server.state.answer = statusOf(410)
    await revokeKey(server)
    await server.send()
    t.match(await webhooks.find(TESTER, 'acme', server.webhook.id), { enabled: false, pausedReason: 'gone' })
    const id = (await server.deliveries())[0]?.id as string
    await t.rejects(webhookDeliveries.redeliver(TESTER, 'acme', server.webhook.id, id), { code: 'conflict' })
    server.state.answer = statusOf(200)
    t.match(await webhooks.update(TESTER, 'acme', server.webhook.id, { enabled: true }), {
      enabled: true,
      pausedReason: undefined,
      failingSince: undefined,
    })
    await webhookDeliveries.redeliver(TESTER, 'acme', server.webhook.id, id)
    await server.send()
    t.match(await server.deliveries(), [{ id, attempts: 1, deliveredAt: Date }])
    t.same(
      server.received.map(({ headers }) => headers['webhook-id']),
      [id, id],
    )
  },
)

t.test(
  'a node that dies between sending and noting leaves a delivery that another sends with the same id',
  async (t) => {
    const server = await withWebhook(t)
    // The receiver has it, and the node knows nothing of the answer: as after kill -9.
    const other = await testServer(t, {
      databaseUrl: server.databaseUrl,
      clock: server.clock,
      webhookSending: { networks: LOOPBACK, ca: undefined },
    })
    const arrived = Promise.withResolvers<void>()
    server.state.answer = () => arrived.resolve()
    await revokeKey(server)
    await other.operations.webhookSender.sendDue()
    await arrived.promise
    await server.send()
    t.equal(server.received.length, 1, 'another node waits for it')
    const restore = await server.cutDatabase()
    await other.operations.webhookSender.close()
    await restore()
    server.state.answer = statusOf(200)
    server.clock.advance(121)
    await server.send()
    t.equal(server.received.length, 2)
    t.equal(server.received[0]?.headers['webhook-id'], server.received[1]?.headers['webhook-id'])
    t.match(await server.deliveries(), [{ attempts: 1, deliveredAt: Date }])
  },
)

t.test('a node that ends in order gives its web hooks back', async (t) => {
  const server = await withWebhook(t)
  const other = await testServer(t, {
    databaseUrl: server.databaseUrl,
    clock: server.clock,
    webhookSending: { networks: LOOPBACK, ca: undefined },
  })
  const arrived = Promise.withResolvers<void>()
  server.state.answer = () => arrived.resolve()
  await revokeKey(server)
  await other.operations.webhookSender.sendDue()
  await arrived.promise
  await other.operations.webhookSender.close()
  server.state.answer = statusOf(200)
  await server.send()
  t.equal(server.received.length, 2)
})

t.test(
  'a slow receiver and a flood hold up no other web hook, and no connection to the database',
  async (t) => {
    const server = await withWebhook(t)
    const { operations } = server
    for (let n = 0; n < 12; n++) await operations.webhookDeliveries.test(TESTER, 'acme', server.webhook.id)
    const held: (() => void)[] = []
    const arrived = Promise.withResolvers<void>()
    server.state.answer = (_request, response) => {
      held.push(() => response.end())
      arrived.resolve()
    }
    const quick = await receiver(t)
    await operations.realms.create(TESTER, 'other')
    await operations.webhookSender.sendDue()
    await arrived.promise
    const { total, idle } = (await operations.measurements.take()).connections.administration
    t.equal(total, idle, 'no connection is in use')
    const second = await operations.webhooks.create(TESTER, 'other', {
      url: quick.url,
      events: ['secret.leaked'],
    })
    const came = Promise.withResolvers<void>()
    quick.state.answer = (_request, response) => {
      response.end()
      came.resolve()
    }
    await operations.webhookDeliveries.test(TESTER, 'other', second.id)
    t.equal(await operations.webhookSender.sendDue(), 1)
    await came.promise
    t.equal(server.received.length, 1, 'the first one still waits for its answer')
    server.state.answer = statusOf(200)
    for (const release of held) release()
    await server.send()
    t.equal(server.received.length, 12)
  },
)

t.test('nothing is sent to an address that the operator has not allowed', async (t) => {
  const names: Record<string, string[]> = {
    'private.example': ['10.1.2.3'],
    'metadata.example': ['169.254.169.254'],
    'six.example': ['fd00::1'],
    'mixed.example': ['93.184.215.14', '127.0.0.1'],
    'mapped.example': ['::ffff:127.0.0.1'],
  }
  const resolveName = async (name: string) =>
    (names[name] ?? ['127.0.0.1']).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  const server = await withWebhook(t, ['signing_key.revoked'], { resolveName })
  const { operations, databaseUrl } = server
  const strict = await testServer(t, {
    databaseUrl,
    clock: server.clock,
    webhookSending: { networks: [], ca: undefined, resolveName },
  })
  for (const host of [...Object.keys(names), 'localhost']) {
    const url = `https://${host}/`
    const { id } = await operations.webhooks.create(TESTER, 'acme', { url, events: ['secret.leaked'] })
    await operations.webhookDeliveries.test(TESTER, 'acme', id)
    await sendAll(strict)
    const [delivery] = await server.deliveries(id)
    t.match(delivery, { answered: undefined, fault: /WEBHOOK_NETWORKS/ }, host)
    t.notMatch(delivery?.fault, /\d+\.\d+\.\d+/, 'the refusal tells nothing of the network')
    await operations.webhooks.delete(TESTER, 'acme', id)
  }
  for (const url of [
    'https://127.0.0.1/',
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/',
    'https://2130706433/',
    'http://127.0.0.1:8080/',
  ])
    await t.rejects(
      strict.operations.webhooks.create(TESTER, 'acme', { url, events: ['secret.leaked'] }),
      { code: 'invalid', field: 'url' },
      url,
    )
  await operations.webhookDeliveries.test(TESTER, 'acme', server.webhook.id)
  await sendAll(strict)
  t.equal(server.received.length, 0, 'not even on this machine')
})

t.test(
  'connects to the address that was checked, though the name resolves to another one by then',
  async (t) => {
    let asked = 0
    const resolveName = async () => {
      asked++
      return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }]
    }
    const server = await withWebhook(t, ['signing_key.revoked'], { resolveName })
    const url = server.url.replace('127.0.0.1', 'localhost')
    await server.operations.webhooks.update(TESTER, 'acme', server.webhook.id, { url })
    await server.operations.webhookDeliveries.test(TESTER, 'acme', server.webhook.id)
    await server.send()
    t.equal(asked, 1)
    t.equal(server.received.length, 1)
  },
)

t.test(
  'a redirect is not followed, a large answer is not read, and a silent receiver is not waited for',
  async (t) => {
    const elsewhere = await receiver(t)
    const server = await withWebhook(t, ['signing_key.revoked'], { timeoutMilliseconds: 300 })
    const { id } = server.webhook
    const last = async () => {
      await server.operations.webhookDeliveries.test(TESTER, 'acme', id)
      await server.send()
      server.clock.advance(1)
      return (await server.deliveries())[0]
    }
    server.state.answer = statusOf(307, { location: elsewhere.url })
    t.match(await last(), { answered: 307, fault: /redirects/ })
    t.equal(elsewhere.received.length, 0)
    let sent = 0
    server.state.answer = (_request, response) => {
      response.writeHead(200)
      const more = () => {
        sent += 65_536
        if (!response.destroyed) response.write(Buffer.alloc(65_536), more)
      }
      more()
    }
    t.match(await last(), { answered: 200, deliveredAt: Date })
    t.ok(sent < 100_000_000, `the receiver sent ${sent} bytes`)
    server.state.answer = () => {}
    t.match(await last(), { answered: undefined, fault: /in time/ })
  },
)

t.test('what was not done is not told', async (t) => {
  const server = await withWebhook(t)
  await t.rejects(server.operations.signingKeys.revoke(TESTER, 'acme', 'none'), { code: 'not_found' })
  t.same(await server.deliveries(), [])
})

t.test('beyond a thousand that wait, deliveries are given up at once and say so', async (t) => {
  const server = await withWebhook(t)
  const { webhookDeliveries } = server.operations
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query(
    `insert into webhook_deliveries (realm_id, webhook_id, id, type, body, created_at, due_at)
     select w.realm_id, w.id, 'msg_' || n, 'ping', '{}', $1, $1 from webhooks w, generate_series(1, 1000) n`,
    [server.clock.now],
  )
  await client.end()
  await t.rejects(webhookDeliveries.test(TESTER, 'acme', server.webhook.id), { code: 'limit_reached' })
  server.clock.advance(1)
  await revokeKey(server)
  t.match((await server.deliveries())[0], {
    type: 'signing_key.revoked',
    dueAt: undefined,
    fault: /given up/,
  })
})

t.test('deliveries are kept for 14 days', async (t) => {
  const server = await withWebhook(t)
  await server.operations.webhookDeliveries.test(TESTER, 'acme', server.webhook.id)
  await server.send()
  server.clock.advance(13 * 86_400)
  await server.operations.expiry.deleteExpired()
  t.equal((await server.deliveries()).length, 1)
  server.clock.advance(2 * 86_400)
  await server.operations.expiry.deleteExpired()
  t.equal((await server.deliveries()).length, 0)
})

t.test('nothing is sent for a deleted realm, and its rows go with it', async (t) => {
  const server = await withWebhook(t)
  await revokeKey(server)
  await server.operations.realms.delete(TESTER, 'acme')
  await server.send()
  t.equal(server.received.length, 0)
  while (await server.operations.expiry.deleteExpired());
})
