import pg from 'pg'
import t, { type Test } from 'tap'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

async function acme(t: Test) {
  const server = await testServer(t)
  server.clock.now = new Date('2026-05-05T10:20:30Z')
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  return { server, clientId, clientSecret, here: `/portal/acme/service-accounts/${clientId}/activity` }
}

async function ask({ app }: TestServer, clientId: string, secret: string) {
  await app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${secret}`,
  })
}

t.test(
  'the activity of an account is a chart, a table, its last uses and its lines of the trail',
  async (t) => {
    const { server, clientId, clientSecret, here } = await acme(t)
    for (let n = 0; n < 3; n++) await ask(server, clientId, clientSecret)
    await ask(server, clientId, 'wrong')
    server.clock.now = new Date('2026-05-05T12:00:00Z')
    await ask(server, clientId, clientSecret)
    await server.operations.tokenCounts.write()
    await server.operations.uses.write()
    const browser = await adminOf(server, 'acme')
    const page = await browser.get(here)
    const text = textOf(page)
    t.match(text, /Tokens an hour, for 7 days 4 issued 1 refused/)
    t.match(text, /Tokens a day, for 90 days 4 issued 1 refused/)
    t.match(text, /Hour \(UTC\) Issued Refused 2026-05-05 12:00 1 0 2026-05-05 10:00 3 1/)
    t.match(text, /Day \(UTC\) Issued Refused 2026-05-05 4 1/)
    t.match(page.body, 'aria-label="Tokens an hour, for 7 days: 4 issued, 1 refused"')
    t.match(page.body, /<rect class="refused"/)
    t.match(text, new RegExp(`Secret …${clientSecret.slice(-4)} from 127.0.0.1`))
    t.match(text, /In the audit trail All of its lines .* Create a service account/)
    t.match(page.body, `href="/portal/acme/audit?target&#61;${clientId}&#38;only&#61;target"`)
    t.notMatch(page.body, /style=|onmouse/)
    t.match(textOf(await browser.get(`/portal/acme/service-accounts/${clientId}`)), 'Activity')
  },
)

t.test('an account that asked for nothing, or long ago, has no chart', async (t) => {
  const { server, clientId, clientSecret, here } = await acme(t)
  const empty = textOf(await (await adminOf(server, 'acme')).get(here))
  t.match(empty, /No request in this time\..*No request in this time\..*It was not used yet\./)
  await ask(server, clientId, clientSecret)
  await server.operations.tokenCounts.write()
  server.clock.advance(8 * 86_400)
  const later = textOf(await (await adminOf(server, 'acme')).get(here))
  t.match(later, /Tokens an hour, for 7 days 0 issued 0 refused No request in this time\./)
  t.match(later, /Tokens a day, for 90 days 1 issued 0 refused/)
})

t.test('a credential that was deleted is told apart among the last uses', async (t) => {
  const { server, clientId, clientSecret, here } = await acme(t)
  await ask(server, clientId, clientSecret)
  await server.operations.uses.write()
  await server.operations.secrets.reset(TESTER, 'acme', clientId)
  t.match(
    textOf(await (await adminOf(server, 'acme')).get(here)),
    /Last uses Deleted credential from 127\.0\.0\.1/,
  )
})

t.test('the activity of a realm says what it was asked for, by whom most, and what to look at', async (t) => {
  const { server, clientId, clientSecret } = await acme(t)
  const { operations } = server
  for (let n = 0; n < 25; n++) await ask(server, clientId, clientSecret)
  const quiet = await operations.accounts.create(TESTER, 'acme', { name: 'Quiet' })
  await ask(server, quiet.account.clientId, quiet.clientSecret)
  await ask(server, 'nobody', 'x')
  server.clock.advance(30)
  await operations.tokenCounts.write()
  const browser = await adminOf(server, 'acme')
  const text = textOf(await browser.get('/portal/acme/activity'))
  t.match(
    text,
    /tokens issued today 26 requests refused today 1 accounts that got tokens today 2 service accounts 2 of 25/,
  )
  t.match(text, /Tokens an hour, for 7 days 26 issued 1 refused/)
  t.match(
    text,
    new RegExp(
      `Busiest today ${clientId}.*25 issued, 0 refused ${quiet.account.clientId} 1 issued, 0 refused`,
    ),
  )
  const { body } = await browser.get('/portal/acme/activity')
  for (const link of ['leaked', 'rotating', 'unused'])
    t.match(body, `href="/portal/acme/service-accounts?need&#61;${link}"`)
  t.notMatch(text, 'needs you')
  await operations.leakedSecrets.report(
    'acme',
    [{ token: clientSecret, url: undefined, source: 'commit' }],
    '192.0.2.1',
  )
  t.match(textOf(await browser.get('/portal/acme/activity')), '1 account needs you')
})

t.test('a client that does not keep its tokens is told so', async (t) => {
  const { server, clientId, clientSecret } = await acme(t)
  server.clock.now = new Date('2026-05-05T00:01:00Z')
  for (let n = 0; n < 12; n++) await ask(server, clientId, clientSecret)
  await server.operations.tokenCounts.write()
  const text = textOf(await (await adminOf(server, 'acme')).get('/portal/acme/activity'))
  t.match(text, '1 would have been enough for one process: it seems not to keep its tokens.')
})

t.test('viewers see the activity, and others of no realm do', async (t) => {
  const { server, here } = await acme(t)
  const viewer = await viewerOf(server, 'acme')
  for (const path of [here, '/portal/acme/activity']) t.equal((await viewer.get(path)).statusCode, 200)
  await server.operations.realms.create(TESTER, 'other')
  const other = await adminOf(server, 'other')
  t.equal((await other.get('/portal/acme/activity')).statusCode, 303)
  t.equal((await other.get(here.replace('acme', 'other'))).statusCode, 404)
})

t.test('each hour and day is drawn inside the picture, however much or little it has', async (t) => {
  const { server, clientId, here } = await acme(t)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query(
    `insert into token_counts (realm_id, client_id, period, starts_at, issued, refused)
     select r.id, $1, p.period, date_trunc(p.period, $2::timestamptz at time zone 'UTC') at time zone 'UTC' - n * ('1 ' || p.period)::interval,
       case when n % 3 = 0 then 0 when n % 3 = 1 then 1 else 9000000000 end, case when n % 2 = 0 then 1 else 0 end
     from realms r, (values ('hour', 168), ('day', 90)) p(period, many), generate_series(0, 400) n
     where r.name = 'acme' and n <= p.many + 5`,
    [clientId, server.clock.now],
  )
  await client.end()
  const { body } = await (await adminOf(server, 'acme')).get(here)
  const bars = [
    ...body.matchAll(
      /<rect class="(?:issued|refused)" x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)"/g,
    ),
  ]
  t.ok(bars.length > 200, `${bars.length} bars`)
  for (const [, ...sizes] of bars) {
    const [x = -1, y = -1, width = 0, height = 0] = sizes.map(Number)
    if (!(x >= 0 && x + width <= 1000 && y >= -2 && y + height <= 102 && height >= 1))
      t.fail(`bar at ${x}, ${y} of ${width} × ${height}`)
  }
})
