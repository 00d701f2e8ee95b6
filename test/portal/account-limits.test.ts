import t, { type Test } from 'tap'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Test) {
  const server = await testServer(t)
  server.clock.now = new Date('2026-05-05T10:20:30Z')
  await server.operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const here = `/portal/acme/service-accounts/${account.clientId}`
  const find = () => server.operations.accounts.find(TESTER, 'acme', account.clientId)
  return { server, here, limits: `${here}/limits`, clientId: account.clientId, clientSecret, find }
}

const SENT = { allowed_networks: '', expires_at: '', max_secret_age_days: '' }

t.test('limits of an account are set, shown, changed and taken away', async (t) => {
  const { server, here, limits, find } = await acme(t)
  const browser = await adminOf(server, 'acme')
  t.match(textOf(await browser.get(here)), /Limits none Change/)
  const sent = {
    allowed_networks: '10.1.2.3/8\r\n2001:DB8::/32',
    expires_at: '2026-06-01T12:30',
    max_secret_age_days: '90',
  }
  const answer = await browser.submit(limits, limits, sent)
  t.match(
    textOf(await browser.get(answer.headers.location as string)),
    /From 10\.0\.0\.0\/8, 2001:db8::\/32 Ends in .* 2026-06-01 12:30:00 UTC Secrets of at most 90 days/,
  )
  t.match(await find(), {
    allowedNetworks: ['10.0.0.0/8', '2001:db8::/32'],
    expiresAt: new Date('2026-06-01T12:30:00Z'),
    maxSecretAgeSeconds: 90 * 86_400,
  })
  const { body } = await browser.get(limits)
  for (const value of ['10.0.0.0/8', 'value="2026-06-01T12:30"', 'value="90"']) t.match(body, value)
  await browser.submit(limits, limits, SENT)
  t.match(await find(), { allowedNetworks: undefined, expiresAt: undefined, maxSecretAgeSeconds: undefined })
})

t.test('a limit that is none is refused at its field, and what was typed stays', async (t) => {
  const { server, limits, find } = await acme(t)
  const browser = await adminOf(server, 'acme')
  const { version } = await find()
  for (const [field, value] of [
    ['allowed_networks', '10.0.0.0/33'],
    ['allowed_networks', 'example.com'],
    ['allowed_networks', '10.0.0.1 <script>'],
    ['expires_at', '2026-02-31T10:00'],
    ['expires_at', 'tomorrow'],
    ['expires_at', '2026-06-01'],
    ['max_secret_age_days', '0'],
    ['max_secret_age_days', '-1'],
    ['max_secret_age_days', '1e3'],
    ['max_secret_age_days', '3651'],
  ] as const) {
    const answer = await browser.submit(limits, limits, { ...SENT, [field]: value })
    t.equal(answer.statusCode, 400, value)
    t.match(answer.body, new RegExp(`id="${field}-fault"`), value)
  }
  t.equal((await find()).version, version)
})

t.test('an account past its end, and a secret too old, look so', async (t) => {
  const { server, here, clientId } = await acme(t)
  await server.operations.accounts.update(TESTER, 'acme', clientId, {
    expiresAt: new Date('2026-05-06T00:00:00Z'),
    maxSecretAgeSeconds: 7200,
  })
  const before = await adminOf(server, 'acme')
  t.match(textOf(await before.get(here)), /State Active.*too old in 2 hours/)
  server.clock.now = new Date('2026-05-07T00:00:00Z')
  const after = await adminOf(server, 'acme')
  t.match(
    textOf(await after.get(here)),
    /State Ended.*Limits Ended yesterday.*Secrets of at most 2 hours.*No secret is valid/,
  )
  const list = '/portal/acme/service-accounts'
  t.match(textOf(await after.get(list)), 'Ended')
  t.match(textOf(await after.get(`${list}?state=ended`)), 'CI')
  t.notMatch((await after.get(`${list}?state=enabled`)).body, '>CI</bdi>')
})

t.test('a viewer sees limits and changes none', async (t) => {
  const { server, here, limits } = await acme(t)
  const viewer = await viewerOf(server, 'acme')
  const page = await viewer.get(here)
  t.notMatch(page.body, `${limits}"`)
  t.equal((await viewer.get(limits)).statusCode, 403)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(page.body) ?? []
  t.equal((await viewer.post(limits, { ...SENT, version: '1', form_token })).statusCode, 403)
})
