import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { serveHere } from '../support/serve-here.ts'
import { TESTER, testServer } from '../support/server.ts'

const TOKEN = 'metrics-token-of-the-operator'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

function sample(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

t.test('grants are counted by realm and outcome, and unknown realms share one label', async (t) => {
  const { app, operations } = await testServer(t)
  await operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const ask = (realm: string, secret: string) =>
    app.inject({
      method: 'POST',
      url: `/realms/${realm}/protocol/openid-connect/token`,
      headers: FORM,
      payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${secret}`,
    })
  await ask('acme', clientSecret)
  await ask('acme', clientSecret)
  await ask('acme', 'wrong')
  await ask('nobody', clientSecret)
  await app.inject('/nowhere')

  const answer = await app.inject('/metrics')

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(sample(answer.body, 'mintmark_token_requests_total{realm="acme",outcome="issued"}'), 2)
  t.equal(sample(answer.body, 'mintmark_token_requests_total{realm="acme",outcome="invalid_client"}'), 1)
  t.equal(sample(answer.body, 'mintmark_token_requests_total{realm="",outcome="unknown_realm"}'), 1)
  t.equal(sample(answer.body, 'mintmark_request_duration_seconds_count{route="(none)",status="4xx"}'), 1)
  t.equal(sample(answer.body, 'mintmark_client_lookups_total'), 4)
  t.equal(sample(answer.body, 'mintmark_client_lookup_batches_total'), 4)
  t.equal(sample(answer.body, 'mintmark_database_up'), 1)
  t.equal(sample(answer.body, 'mintmark_realms_loaded'), 1)
  for (const pool of ['tokens', 'assertions', 'administration'])
    t.type(sample(answer.body, `mintmark_database_connections{pool="${pool}"}`), 'number')
  t.equal(sample(answer.body, 'mintmark_signing_key_oldest_age_seconds'), 0)
  t.equal(sample(answer.body, 'mintmark_next_rotation_seconds'), 89 * 86_400)
  t.notMatch(answer.body, new RegExp(account.clientId))
})

t.test('realms beyond the first hundred share a label', async (t) => {
  const { app, operations } = await testServer(t)
  for (let i = 0; i < 101; i++) await operations.realms.create(TESTER, `realm-${i}`)
  for (let i = 0; i < 101; i++)
    await app.inject({
      method: 'POST',
      url: `/realms/realm-${i}/protocol/openid-connect/token`,
      headers: FORM,
      payload: 'grant_type=client_credentials',
    })
  const { body } = await app.inject('/metrics')
  t.equal(sample(body, 'mintmark_token_requests_total{realm="realm-99",outcome="invalid_client"}'), 1)
  t.equal(sample(body, 'mintmark_token_requests_total{realm="(other)",outcome="invalid_client"}'), 1)
})

t.test('a realm that somebody makes up takes no label from those that there are', async (t) => {
  const { app, operations } = await testServer(t)
  const ask = (realm: string, headers = {}) =>
    app.inject({
      method: 'POST',
      url: `/realms/${realm}/protocol/openid-connect/token`,
      headers: { ...FORM, ...headers },
      payload: 'grant_type=client_credentials',
    })
  // Refused before the realm is looked for.
  for (let i = 0; i < 101; i++) await ask(`made-up-${i}`, { authorization: 'Bearer x' })
  await operations.realms.create(TESTER, 'acme')
  await ask('acme')
  const { body } = await app.inject('/metrics')
  t.equal(sample(body, 'mintmark_token_requests_total{realm="acme",outcome="invalid_client"}'), 1)
  t.equal(sample(body, 'mintmark_token_requests_total{realm="(other)",outcome="invalid_client"}'), 101)
})

t.test('metrics are for this machine and for holders of the token', async (t) => {
  const { app } = await testServer(t, { metricsToken: TOKEN })
  const ask = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
    app.inject({ url: '/metrics', headers, remoteAddress })

  t.equal((await ask({})).statusCode, 200)
  t.equal((await ask({}, '::1')).statusCode, 200)
  t.equal((await ask({}, '::ffff:127.0.0.1')).statusCode, 200)
  t.equal((await ask({ authorization: `Bearer ${TOKEN}` }, '192.0.2.7')).statusCode, 200)
  for (const headers of [
    {},
    { authorization: 'Bearer metrics-token-of-the-operatos' },
    { authorization: '' },
  ]) {
    const refused = await ask(headers, '192.0.2.7')
    t.equal(refused.statusCode, 401)
    t.equal(refused.headers['www-authenticate'], 'Bearer realm="metrics"')
    t.same(refused.json(), {
      error: 'invalid_token',
      error_description: 'Metrics are for holders of METRICS_TOKEN.',
    })
  }
})

t.test('a request through a proxy on this machine does not count as local', async (t) => {
  const { app } = await testServer(t)
  for (const name of ['forwarded', 'x-forwarded-for', 'via', 'x-real-ip'])
    t.equal((await app.inject({ url: '/metrics', headers: { [name]: 'x' } })).statusCode, 401)
})

t.test('metrics are for holders of the token alone where a proxy could be in front', async (t) => {
  const databaseUrl = await testDatabase(t)
  const ask = async (environment: Record<string, string>) => {
    const { url } = await serveHere(t, { ...onDatabase(databaseUrl), METRICS_TOKEN: TOKEN, ...environment })
    const headers = { authorization: `Bearer ${TOKEN}` }
    t.equal((await fetch(`${url}/metrics`, { headers })).status, 200)
    return (await fetch(`${url}/metrics`)).status
  }
  t.equal(await ask({}), 200)
  t.equal(await ask({ PUBLIC_URL: 'http://127.0.0.1:8080' }), 200)
  t.equal(await ask({ PUBLIC_URL: 'https://auth.example.com' }), 401)
  t.equal(await ask({ TRUST_PROXY: '1' }), 401)
})

t.test('a page of another site reads no metrics by having its name resolve to this machine', async (t) => {
  const { app } = await testServer(t)
  const ask = async (host: string) => (await app.inject({ url: '/metrics', headers: { host } })).statusCode
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '127.1.2.3', '[::1]:8080'])
    t.equal(await ask(host), 200, host)
  for (const host of [
    'evil.test:8080',
    'localhost.evil.test',
    '127.0.0.1.evil.test',
    '192.0.2.1',
    'localhost.',
    '[::2]',
  ])
    t.equal(await ask(host), 401, host)
})

t.test('metrics are readable while the database is away, and say so', async (t) => {
  const { app, cutDatabase } = await testServer(t)
  await cutDatabase()
  const { statusCode, body } = await app.inject('/metrics')
  t.equal(statusCode, 200)
  t.equal(sample(body, 'mintmark_database_up'), 0)
  t.equal(sample(body, 'mintmark_next_rotation_seconds'), undefined)
})
