import pg from 'pg'
import t, { type Test } from 'tap'
import { WEBHOOK_EVENT_NAMES, type WebhookEvent } from '../../src/domain/webhook.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { TESTER, testServer } from '../support/server.ts'

const DAY = 86_400

/** A realm with a web hook that is told of everything, or of some. */
async function watched(t: Test, events: readonly WebhookEvent[] = WEBHOOK_EVENT_NAMES, settings = {}) {
  const server = await testServer(t)
  const { operations, clock } = server
  await operations.realms.create(TESTER, 'acme', settings)
  const url = 'https://hooks.example/'
  const { id } = await operations.webhooks.create(TESTER, 'acme', { url, events })
  /** What a look finds, and has not told before. */
  const look = async () => {
    const before = await told()
    clock.advance(60)
    while (await operations.webhookWatch.look());
    return (await told()).slice(before.length)
  }
  const told = async () => {
    const { items } = await operations.webhookDeliveries.list(TESTER, 'acme', id, { limit: 1000 })
    return items.map(({ body }) => JSON.parse(body)).toReversed()
  }
  const query = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client(server.databaseUrl)
    await client.connect()
    await client.query(text, values)
    await client.end()
  }
  return { ...server, webhookId: id, look, told, query }
}

t.test('a leaked secret is told once, with where it was found, and without the secret', async (t) => {
  const { operations, told } = await watched(t, ['secret.leaked'], { leakedSecretAction: 'alert' })
  const { account, clientSecret, secret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const report = { token: clientSecret as string, url: 'https://code.example/L3', source: 'content' }
  for (let n = 0; n < 2; n++) await operations.leakedSecrets.report('acme', [report], '192.0.2.1')
  const events = await told()
  t.strictSame(events, [
    {
      type: 'secret.leaked',
      timestamp: events[0]?.timestamp,
      data: {
        realm: 'acme',
        client_id: account.clientId,
        name: 'CI',
        secret_id: secret?.id,
        url: 'https://code.example/L3',
        source: 'content',
        revoked: false,
      },
    },
  ])
  t.notMatch(JSON.stringify(events), clientSecret)
})

t.test('the end of a rotation is told a quarter of the overlap before, a day at most', async (t) => {
  const { operations, clock, look } = await watched(t)
  const made = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = made.account
  const endsAt = new Date(clock.now.getTime() + 4 * 3600 * 1000)
  const { secret } = await operations.secrets.startRotation(TESTER, 'acme', clientId, endsAt)
  t.same(await look(), [])
  clock.advance(3 * 3600)
  t.match(await look(), [
    {
      type: 'secret.rotation_ending',
      data: {
        client_id: clientId,
        secret_id: made.secret?.id,
        new_secret_id: secret.id,
        old_secret_last_used_at: null,
      },
    },
  ])
  t.same(await look(), [], 'once')
  const other = (await operations.accounts.create(TESTER, 'acme', { name: 'Long' })).account.clientId
  const later = new Date(clock.now.getTime() + 60 * DAY * 1000)
  await operations.secrets.startRotation(TESTER, 'acme', other, later)
  clock.advance(58.9 * DAY)
  t.same(await look(), [])
  clock.advance(0.2 * DAY)
  t.match(await look(), [{ type: 'secret.rotation_ending', data: { client_id: other } }])
})

t.test(
  'a secret older than its realm or account allows is told, and a disabled account’s is not',
  async (t) => {
    const { operations, clock, look } = await watched(t, WEBHOOK_EVENT_NAMES, {
      maxSecretAgeSeconds: 10 * DAY,
    })
    const { account, secret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    const off = await operations.accounts.create(TESTER, 'acme', { name: 'Off' })
    await operations.accounts.update(TESTER, 'acme', off.account.clientId, { enabled: false })
    t.same(await look(), [])
    clock.advance(10 * DAY)
    t.match(await look(), [
      { type: 'secret.too_old', data: { client_id: account.clientId, name: 'CI', secret_id: secret?.id } },
    ])
    t.same(await look(), [])
    await operations.accounts.update(TESTER, 'acme', off.account.clientId, { enabled: true })
    t.match(await look(), [{ type: 'secret.too_old', data: { name: 'Off' } }])
  },
)

t.test(
  'a public key that comes to its end is told as expired, and one that is ended as revoked',
  async (t) => {
    const { operations, clock, look, told } = await watched(t)
    const authMethods = ['private_key_jwt'] as const
    const { pem } = testKeyPair()
    const { account } = await operations.accounts.create(TESTER, 'acme', {
      name: 'CI',
      authMethods,
      keys: [{ pem }],
    } as never)
    const { clientId } = account
    const soon = new Date(clock.now.getTime() + 3600 * 1000)
    const { key } = await operations.clientKeys.add(TESTER, 'acme', clientId, {
      pem: testKeyPair().pem,
      expiresAt: soon,
    })
    t.same(await look(), [])
    clock.advance(3600)
    t.match(await look(), [{ type: 'client_key.expired', data: { client_id: clientId, kid: key.kid } }])
    clock.advance(1)
    const second = await operations.clientKeys.add(TESTER, 'acme', clientId, { pem: testKeyPair().pem })
    await operations.clientKeys.update(TESTER, 'acme', clientId, {
      kid: second.key.kid,
      expiresAt: clock.now,
    })
    t.match((await told()).slice(1), [{ type: 'client_key.revoked', data: { kid: second.key.kid } }])
    t.same(await look(), [], 'and not as expired, too')
    await operations.clientKeys.delete(TESTER, 'acme', clientId, { kid: second.key.kid })
    const third = await operations.clientKeys.add(TESTER, 'acme', clientId, { pem: testKeyPair().pem })
    clock.advance(1)
    const before = (await told()).length
    await operations.clientKeys.delete(TESTER, 'acme', clientId, { kid: third.key.kid })
    t.match((await told()).slice(before), [{ type: 'client_key.revoked', data: { kid: third.key.kid } }])
  },
)

t.test('a key that signs for longer than it should is told', async (t) => {
  const { clock, look, operations } = await watched(t, ['signing_key.overdue'], {
    keyRotationSeconds: 30 * DAY,
  })
  const kid = (await operations.signingKeys.list(TESTER, 'acme'))[0]?.kid
  clock.advance(30.5 * DAY)
  t.same(await look(), [])
  clock.advance(0.6 * DAY)
  t.match(await look(), [{ type: 'signing_key.overdue', data: { kid } }])
  t.same(await look(), [])
})

t.test('a burst of refusals beyond the usual is reported once an hour', async (t) => {
  const { clock, look, operations } = await watched(t, ['refusals.burst'])
  clock.now = new Date('2026-05-05T10:10:00Z')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const refuse = async (times: number) => {
    for (let n = 0; n < times; n++)
      await operations.clients
        .authenticate('acme', { clientId, clientSecret: 'mm_wrong' }, `192.0.2.${n % 200}`)
        .catch(() => {
          operations.tokenCounts.noteRefused('acme', clientId, {
            reason: 'wrong_secret',
            address: '192.0.2.7',
            userAgent: '',
          })
        })
    await operations.tokenCounts.write()
  }
  await refuse(99)
  t.same(await look(), [])
  await refuse(1)
  t.match(await look(), [
    {
      type: 'refusals.burst',
      data: {
        hour: /^2026-05-05T10:00:00/,
        refused: 100,
        issued: 0,
        usual: 0,
        accounts: [{ client_id: clientId, refused: 100 }],
      },
    },
  ])
  await refuse(50)
  t.same(await look(), [])
  clock.now = new Date('2026-05-05T11:10:00Z')
  await refuse(100)
  t.match(await look(), [{ data: { refused: 100, usual: 6 } }])
  clock.now = new Date('2026-05-05T12:10:00Z')
  await refuse(103)
  t.same(await look(), [], 'less than ten times the usual of 10.4')
  await refuse(2)
  t.match(await look(), [{ data: { refused: 105, usual: 10 } }])
})

t.test(
  'a limit that is reached is told: of accounts once a day, of a quota once in its period',
  async (t) => {
    const { clock, look, operations } = await watched(t, ['limit.reached'], { serviceAccountLimit: 1 })
    clock.now = new Date('2026-05-05T10:10:00Z')
    const quota = { tokensPerHour: 2, tokensPerDay: 3, mode: 'monitor' } as const
    t.same(await look(), [])
    const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    const accounts = { type: 'limit.reached', data: { limit: 'service_accounts', maximum: 1, used: 1 } }
    t.match(await look(), [accounts])
    t.same(await look(), [])
    await operations.accounts.update(TESTER, 'acme', account.clientId, { quota })
    const { id } = await operations.realms.find(TESTER, 'acme')
    const issue = async (times: number) => {
      for (let n = 0; n < times; n++) operations.tokenCounts.noteIssued(id, account.clientId, '192.0.2.7', '')
      await operations.tokenCounts.write()
    }
    await issue(1)
    t.same(await look(), [])
    await issue(1)
    const ofHour = {
      limit: 'tokens_per_hour',
      maximum: 2,
      used: 2,
      mode: 'monitor',
      client_id: account.clientId,
      name: 'CI',
    }
    t.match(await look(), [{ data: ofHour }])
    await issue(1)
    t.match(await look(), [{ data: { limit: 'tokens_per_day', maximum: 3, used: 3 } }])
    t.same(await look(), [])
    await operations.realms.update(TESTER, 'acme', { quota: { tokensPerDay: 3, mode: 'enforce' } })
    const [ofRealm] = await look()
    t.match(ofRealm, { data: { limit: 'tokens_per_day', maximum: 3, used: 3, mode: 'enforce' } })
    t.notOk('client_id' in ofRealm.data)
    clock.now = new Date('2026-05-06T00:01:00Z')
    t.match(await look(), [accounts], 'again the next day')
  },
)

t.test('two nodes that look at once tell each occurrence once', async (t) => {
  const { operations, clock, told, databaseUrl } = await watched(t, WEBHOOK_EVENT_NAMES, {
    maxSecretAgeSeconds: DAY,
  })
  const other = await testServer(t, { databaseUrl, clock })
  for (let n = 0; n < 20; n++) await operations.accounts.create(TESTER, 'acme', { name: `CI ${n}` })
  clock.advance(DAY)
  await Promise.all([operations, other.operations].map(({ webhookWatch }) => webhookWatch.look()))
  clock.advance(60)
  await Promise.all([operations, other.operations].map(({ webhookWatch }) => webhookWatch.look()))
  t.equal((await told()).length, 20)
})

t.test(
  'while hundreds wait for a receiver nothing more is looked for, and all of it is told in the end',
  async (t) => {
    const { operations, clock, look, query } = await watched(t, ['secret.too_old'], {
      maxSecretAgeSeconds: DAY,
    })
    await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
    await query(
      `insert into webhook_deliveries (realm_id, webhook_id, id, type, body, created_at, due_at)
     select w.realm_id, w.id, 'msg_' || n, 'ping', '{}', $1, $1 from webhooks w, generate_series(1, 500) n`,
      [clock.now],
    )
    clock.advance(DAY)
    t.same(await look(), [])
    await query('update webhook_deliveries set due_at = null')
    t.match(await look(), [{ type: 'secret.too_old', data: { name: 'CI' } }])
  },
)
