import t, { type Test } from 'tap'
import { generateClientSecret } from '../../src/crypto/client-secret.ts'
import type { RecordedAuditEvent } from '../../src/domain/audit-event.ts'
import type { RealmSettings } from '../../src/domain/realm.ts'
import { TESTER, testServer } from '../support/server.ts'

const PLACE = {
  type: 'mintmark_client_secret',
  url: 'https://code.example/blob/main/.env#L3',
  source: 'content',
}
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function withAccount(t: Test, settings: Partial<RealmSettings> = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const made = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = made.account
  const report = (body: unknown, realm = 'acme') =>
    server.app.inject({
      method: 'POST',
      url: `/realms/${realm}/leaked-secrets`,
      headers: { 'content-type': 'application/json' },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const post = (path: string, fields: Record<string, string>) =>
    server.app.inject({
      method: 'POST',
      url: `/realms/acme/protocol/openid-connect/${path}`,
      headers: FORM,
      payload: new URLSearchParams(fields).toString(),
    })
  const token = (secret: string) =>
    post('token', { grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
  const events = async () =>
    (
      await server.operations.audit.list(TESTER, 'acme', {
        action: 'service-account.leaked-secret',
        limit: 10,
      })
    ).items
  return { ...server, clientId, clientSecret: made.clientSecret, report, post, token, events }
}

t.test(
  'a leaked secret and the tokens of its account stop at once, and the owner is told where it was',
  async (t) => {
    const { operations, clientId, clientSecret, report, post, token, events } = await withAccount(t)
    const introspector = await operations.accounts.create(TESTER, 'acme', {
      name: 'API',
      roles: ['introspect'],
    })
    const minted = (await token(clientSecret)).json().access_token
    const isActive = async () =>
      (
        await post('token/introspect', {
          token: minted,
          client_id: introspector.account.clientId,
          client_secret: introspector.clientSecret,
        })
      ).json().active
    t.equal(await isActive(), true)

    const answer = await report([{ token: clientSecret, ...PLACE }])
    t.equal(answer.statusCode, 202)
    t.equal((await token(clientSecret)).statusCode, 401)
    t.equal(await isActive(), false)
    const [event, ...others] = await events()
    t.same(others, [])
    t.match(event, {
      target: clientId,
      outcome: 'done',
      actor: { kind: 'server', id: 'leaked-secrets', address: '127.0.0.1' },
      details: { name: 'CI', url: PLACE.url, source: 'content', disabled: true },
    })
    t.notMatch(JSON.stringify(event), clientSecret)

    await report([{ token: clientSecret, ...PLACE }])
    t.equal((await events()).length, 1, 'what is over already is no news')
    t.same(await operations.secrets.list(TESTER, 'acme', clientId), [])
    const reset = await operations.secrets.reset(TESTER, 'acme', clientId)
    t.equal((await token(reset.clientSecret)).statusCode, 200)
  },
)

t.test('in a rotation only the secret that leaked ends', async (t) => {
  const { operations, clientId, clientSecret, report, token } = await withAccount(t)
  const rotated = await operations.secrets.startRotation(TESTER, 'acme', clientId)
  await report([{ token: clientSecret }])
  t.equal((await token(clientSecret)).statusCode, 401)
  t.equal((await token(rotated.clientSecret)).statusCode, 200)
})

t.test('a realm may report leaked secrets without revoking them', async (t) => {
  const { clientSecret, report, token, events } = await withAccount(t, { leakedSecretAction: 'alert' })
  await report([{ token: clientSecret, ...PLACE }])
  t.equal((await token(clientSecret)).statusCode, 200)
  t.match(await events(), [{ details: { disabled: false, url: PLACE.url } }])
})

t.test('a reporter learns nothing from the answer or its timing', async (t) => {
  const { operations, clientSecret, report, events } = await withAccount(t)
  await operations.realms.create(TESTER, 'other')
  const other = await operations.accounts.create(TESTER, 'other', { name: 'CI' })
  const answers: string[] = []
  for (const token of [generateClientSecret(), other.clientSecret, 'hunter2', clientSecret]) {
    const start = performance.now()
    const { statusCode, body, headers } = await report([{ token, ...PLACE }])
    const { date: _, ...rest } = headers
    // Names alone: how many reports are left depends on how many there were.
    answers.push(JSON.stringify({ statusCode, body, headers: Object.keys(rest) }))
    t.ok(performance.now() - start >= 495, 'no answer comes sooner than all of them')
  }
  t.equal(new Set(answers).size, 1, answers.join('\n'))
  t.equal((await events()).length, 1, 'a secret of another realm is none of this one')
})

t.test('the reported place is stored short and without the secret', async (t) => {
  const { clientSecret, report, events } = await withAccount(t, { leakedSecretAction: 'alert' })
  await report([{ token: clientSecret, url: `https://x/\n?${clientSecret}&${'y'.repeat(2000)}`, source: 7 }])
  const [event] = await events()
  const { url, source } = (event as RecordedAuditEvent).details as { url: string; source?: string }
  t.match(url, /^https:\/\/x\/\?mm_…&y+$/)
  t.equal(url.length, 500)
  t.equal(source, undefined)
})

t.test('no spelling of the place keeps the secret in it or the report from being heard', async (t) => {
  const { clientSecret, report, events } = await withAccount(t, { leakedSecretAction: 'alert' })
  const hidden = [`m\u200b${clientSecret.slice(1)}`, clientSecret.replace('mm_', 'mm%5F')]
  const cut = `${'y'.repeat(499)}😀`
  for (const url of [...hidden, cut]) t.equal((await report([{ token: clientSecret, url }])).statusCode, 202)
  const kept = await events()
  t.equal(kept.length, 3)
  t.notMatch(JSON.stringify(kept), clientSecret.slice(3))
})

t.test('malformed reports are refused', async (t) => {
  const { app, report } = await withAccount(t)
  for (const body of ['', '{', '{}', '[]', '[1]', '[null]', '[{"token":1}]', '[{"__proto__":{}}]'])
    t.match({ body, ...(await report(body)).json() }, { error: 'invalid_request' })
  const many = Array.from({ length: 101 }, () => ({ token: 'x' }))
  t.equal((await report(many)).statusCode, 400)
  t.equal((await report([{ token: 'x'.repeat(300_000) }])).statusCode, 413)
  t.equal((await report([{ token: 'x' }], 'nowhere')).statusCode, 404)
  const url = '/realms/acme/leaked-secrets'
  t.equal((await app.inject({ method: 'POST', url, headers: FORM, payload: 'a=b' })).statusCode, 400)
  t.equal((await app.inject({ method: 'GET', url })).statusCode, 405)
})

t.test('reports have a limit of their own, and the log says how many were valid', async (t) => {
  const { report, clientSecret, log } = await withAccount(t)
  const statuses = [(await report([{ token: clientSecret }])).statusCode]
  // Refused ones count too, and are answered at once.
  for (let n = 0; n < 61; n++) statuses.push((await report('[]')).statusCode)
  t.same(statuses, [202, ...new Array(59).fill(400), 429, 429])
  t.match(log.join('\n'), /"outcome":"reported","reason":"1 reported, 1 valid"/)
  t.notMatch(log.join('\n'), clientSecret)
})

t.test('a report is refused with 503 while the database is away', async (t) => {
  const { report, clientSecret, cutDatabase, token } = await withAccount(t)
  const restore = await cutDatabase()
  t.equal((await report([{ token: clientSecret }])).statusCode, 503)
  await restore()
  t.equal((await report([{ token: clientSecret }])).statusCode, 202)
  t.equal((await token(clientSecret)).statusCode, 401)
})

t.test('the expression of the guide finds every secret that the server makes', async (t) => {
  const expression = /\bmm_[0-9A-Za-z]{49}\b/
  for (let i = 0; i < 5000; i++) {
    const secret = generateClientSecret()
    const found = expression.exec(`client_secret="${secret}";`)?.[0]
    if (found !== secret) t.fail(`not found: ${secret.length}`)
  }
  t.notMatch('mm_0123456789', expression)
})

t.test('one address takes reports for all realms, and a metric counts what was valid', async (t) => {
  const { app, operations, clientSecret, token, events } = await withAccount(t)
  await operations.realms.create(TESTER, 'other', { leakedSecretAction: 'alert' })
  const made = await operations.accounts.create(TESTER, 'other', { name: 'CI' })
  const reports = [clientSecret, made.clientSecret, generateClientSecret()].map((one) => ({
    ...PLACE,
    token: one,
  }))
  const report = () =>
    app.inject({
      method: 'POST',
      url: '/leaked-secrets',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(reports),
    })
  const answer = await report()
  t.equal(answer.statusCode, 202)
  t.same(answer.json(), { received: 3 })
  t.equal((await token(clientSecret)).statusCode, 401)
  t.equal((await events()).length, 1)
  const elsewhere = { action: 'service-account.leaked-secret', limit: 10 } as const
  t.equal((await operations.audit.list(TESTER, 'other', elsewhere)).items.length, 1)
  t.equal((await operations.measurements.take()).leakedSecrets, 2)
  const got = await app.inject('/leaked-secrets')
  t.equal(got.statusCode, 405)
  t.equal(got.headers['allow'], 'POST, OPTIONS')
})
