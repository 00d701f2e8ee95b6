import pg from 'pg'
import t, { type Test } from 'tap'
import type { AccountOrigin } from '../../src/domain/activity.ts'
import { adminOf, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

async function setting(t: Test) {
  const server = await testServer(t, { trustProxy: 1 })
  server.clock.now = new Date('2026-05-05T10:20:30Z')
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { operations, clock } = server
  return { server, operations, clock, clientId: account.clientId, clientSecret }
}

interface Asked {
  readonly secret: string
  readonly userAgent?: string
  readonly address?: string
  readonly more?: string
}

async function ask({ app }: TestServer, clientId: string, { secret, userAgent, address, more = '' }: Asked) {
  const answer = await app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': userAgent ?? '',
      ...(address !== undefined && { 'x-forwarded-for': address }),
    },
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${secret}${more}`,
  })
  return answer.statusCode
}

async function sql({ databaseUrl }: TestServer, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}

const told = (origins: readonly AccountOrigin[]) =>
  origins.map(({ outcome, address, userAgent }) => [outcome, address, userAgent])

t.test('from where an account got tokens, and why it got none, is kept and shown', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  const web = { secret: clientSecret, userAgent: 'web/1', address: '192.0.2.1' }
  t.equal(await ask(server, clientId, web), 200)
  t.equal(await ask(server, clientId, web), 200)
  t.equal(await ask(server, clientId, { ...web, secret: 'wrong', userAgent: 'odd/1' }), 401)
  t.equal(await ask(server, clientId, { ...web, more: '&scope=nope' }), 400)
  t.same(
    (await operations.activity.ofAccount(TESTER, 'acme', clientId)).origins,
    [],
    'a request writes nothing',
  )
  await operations.tokenCounts.write()
  clock.advance(3 * 3600)
  t.equal(await ask(server, clientId, { ...web, address: '2001:db8::1' }), 200)
  t.equal(await ask(server, clientId, web), 200)
  await operations.accounts.update(TESTER, 'acme', clientId, { enabled: false })
  t.equal(await ask(server, clientId, web), 401)
  await operations.tokenCounts.write()

  const activity = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  const [latest, before] = activity.origins
    .filter(({ outcome }) => outcome === 'issued')
    .toSorted((one, other) => other.firstAt.getTime() - one.firstAt.getTime())
  const [early, late] = [new Date('2026-05-05T10:00:00Z'), new Date('2026-05-05T13:00:00Z')]
  t.match(latest, { address: '2001:db8::1', userAgent: 'web/1', firstAt: late, lastAt: late })
  t.match(before, { address: '192.0.2.1', userAgent: 'web/1', firstAt: early, lastAt: late })
  const refused = activity.origins.filter(({ outcome }) => outcome === 'refused')
  t.same(refused.map(({ userAgent }) => userAgent).toSorted(), ['odd/1', 'web/1'])
  const day = new Date('2026-05-05T00:00:00Z')
  t.same(activity.refusals, [
    { startsAt: day, reason: 'account_disabled', count: 1 },
    { startsAt: day, reason: 'invalid_scope', count: 1 },
    { startsAt: day, reason: 'wrong_secret', count: 1 },
  ])
  t.same((await operations.activity.ofRealm(TESTER, 'acme')).refusals, activity.refusals)
  const page = textOf(
    await (await adminOf(server, 'acme')).get(`/portal/acme/service-accounts/${clientId}/activity`),
  )
  t.match(page, /Refused, for 90 days .*A wrong secret wrong_secret 1/)
  t.match(page, /From where 2001:db8::1 New today web\/1/)
})

t.test('reasons tell an administrator more than the caller', async (t) => {
  const { server, operations, clientId, clientSecret } = await setting(t)
  const right = { secret: clientSecret, address: '192.0.2.1' }
  const update = (changes: Parameters<typeof operations.accounts.update>[3]) =>
    operations.accounts.update(TESTER, 'acme', clientId, changes)
  await update({ allowedNetworks: ['198.51.100.0/24'] })
  await ask(server, clientId, right)
  await update({ allowedNetworks: null })
  await update({ quota: { tokensPerHour: 1, mode: 'enforce' } })
  t.equal(await ask(server, clientId, right), 200)
  t.equal(await ask(server, clientId, right), 429)
  await ask(server, clientId, {
    ...right,
    secret: '',
    more: '&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=a.b.c',
  })
  await operations.secrets.reset(TESTER, 'acme', clientId)
  await ask(server, clientId, right)
  await ask(server, 'nobody', right)
  await operations.tokenCounts.write()
  const reasons = async () =>
    (await operations.activity.ofRealm(TESTER, 'acme')).refusals.map(({ reason }) => reason)
  t.same(await reasons(), [
    'network_not_allowed',
    'quota_exceeded',
    'unknown_client',
    'wrong_assertion',
    'wrong_secret',
  ])
  const own = (await operations.activity.ofAccount(TESTER, 'acme', clientId)).refusals.map(
    ({ reason }) => reason,
  )
  t.notMatch(own.join(), 'unknown_client')
})

t.test('a stranger writes a bounded number of rows and pushes out none of the account', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  for (let n = 0; n < 3; n++)
    await ask(server, clientId, { secret: clientSecret, userAgent: `own/${n}`, address: '192.0.2.1' })
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 25; n++) {
      const userAgent = `stranger/${round}.${n}`
      await ask(server, clientId, { secret: 'wrong', userAgent, address: `198.51.${round}.${n}` })
      await ask(server, `sa_${round}_${n}`, { secret: 'wrong', userAgent, address: `198.51.${round}.${n}` })
    }
    await operations.tokenCounts.write()
    clock.advance(3600)
  }
  const { origins, refusals } = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  t.equal(origins.filter(({ outcome }) => outcome === 'issued').length, 3)
  const refused = told(origins).filter(([outcome]) => outcome === 'refused')
  t.equal(refused.length, 10)
  t.ok(
    refused.every(([, , userAgent]) => userAgent?.startsWith('stranger/2.')),
    'the latest are kept',
  )
  t.match(refusals, [{ reason: 'wrong_secret', count: 75 }])
  const { rows } = await sql(server, 'select distinct client_id from account_origins')
  t.same(rows, [{ client_id: clientId }])
  const counted = await sql(server, 'select distinct client_id from refusal_counts order by 1')
  t.same(counted.rows, [{ client_id: '' }, { client_id: clientId }])
})

t.test('an account that asks from everywhere keeps the last ten', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 30; n++)
      t.equal(
        await ask(server, clientId, { secret: clientSecret, userAgent: 'x', address: `192.0.${round}.${n}` }),
        200,
      )
    await operations.tokenCounts.write()
    clock.advance(3600)
  }
  const { origins } = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  t.equal(origins.length, 10)
  t.ok(
    origins.every(({ address }) => address.startsWith('192.0.1.2')),
    told(origins).join(' '),
  )
})

t.test('a user agent is cut, stripped of control characters and escaped', async (t) => {
  const { server, operations, clientId, clientSecret } = await setting(t)
  const texts = [
    '<script>alert(1)</script>',
    'x'.repeat(5000),
    'tab\there',
    `${'y'.repeat(199)}\u00e9\u0085z`,
    '',
  ]
  for (const userAgent of texts) {
    t.equal(await ask(server, clientId, { secret: clientSecret, userAgent }), 200)
    t.equal(await ask(server, clientId, { secret: clientSecret, userAgent }), 200)
  }
  await operations.tokenCounts.write()
  const { origins } = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  t.same(
    origins.map(({ userAgent }) => userAgent).toSorted(),
    ['', '<script>alert(1)</script>', 'tabhere', 'x'.repeat(200), `${'y'.repeat(199)}\u00e9`].toSorted(),
  )
  const page = await (await adminOf(server, 'acme')).get(`/portal/acme/service-accounts/${clientId}/activity`)
  t.match(page.body, '&#60;script&#62;alert(1)')
  t.notMatch(page.body, '<script>alert')
})

t.test('addresses are deleted after 90 days, with the account, and with the realm', async (t) => {
  const { server, operations, clock, clientId, clientSecret } = await setting(t)
  const rows = async () =>
    (
      await sql(
        server,
        'select (select count(*) from account_origins) + (select count(*) from refusal_counts) as n',
      )
    ).rows[0]?.['n']
  const leave = async () => {
    await ask(server, clientId, { secret: clientSecret })
    await ask(server, clientId, { secret: 'wrong' })
    await operations.tokenCounts.write()
  }
  await leave()
  t.equal(await rows(), '4')
  clock.advance(89 * 86_400)
  await operations.expiry.deleteExpired()
  t.equal(await rows(), '4')
  clock.advance(2 * 86_400)
  await operations.expiry.deleteExpired()
  t.equal(await rows(), '0')
  await leave()
  await operations.accounts.delete(TESTER, 'acme', clientId)
  t.equal(await rows(), '1', 'the realm still counts its refusals')
  await operations.realms.delete(TESTER, 'acme')
  t.equal(await rows(), '0')
})

t.test('where they cannot be written, counts are written all the same, and they later', async (t) => {
  const { server, operations, clientId, clientSecret } = await setting(t)
  t.equal(await ask(server, clientId, { secret: clientSecret }), 200)
  await sql(server, 'alter table account_origins rename to elsewhere')
  await t.rejects(operations.tokenCounts.write())
  await sql(server, 'alter table elsewhere rename to account_origins')
  t.match((await operations.activity.ofAccount(TESTER, 'acme', clientId)).day, [{ issued: 1 }])
  await operations.tokenCounts.write()
  const { day, origins } = await operations.activity.ofAccount(TESTER, 'acme', clientId)
  t.match(day, [{ issued: 1 }])
  t.equal(origins.length, 1)
})
