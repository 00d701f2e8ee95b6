import t, { type Test } from 'tap'
import { adminOf, Browser, enterAsPlatformAdmin, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

async function acme(t: Test) {
  const server = await testServer(t)
  server.clock.now = new Date('2026-05-05T10:20:30Z')
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const find = async () => (await operations.accounts.find(TESTER, 'acme', clientId)).quota
  const here = `/portal/acme/service-accounts/${clientId}`
  const ask = () =>
    server.app.inject({
      method: 'POST',
      url: '/realms/acme/protocol/openid-connect/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`,
    })
  return { server, operations, here, limits: `${here}/limits`, clientId, find, ask }
}

const SENT = { allowed_networks: '', expires_at: '', max_secret_age_days: '' }
const quotaOf = (hour: string, day: string, mode: string) => ({
  ...SENT,
  'quota.tokens_per_hour': hour,
  'quota.tokens_per_day': day,
  'quota.mode': mode,
})

t.test('the quota of an account is set, shown with what was used, changed and taken away', async (t) => {
  const { server, operations, here, limits, find, ask } = await acme(t)
  const browser = await adminOf(server, 'acme')
  await ask()
  await ask()
  await operations.tokenCounts.write()
  t.match(textOf(await browser.get(limits)), 'Empty: any number. Used this hour: 2; today (UTC): 2.')
  for (const mode of ['monitor', 'off', 'enforce'] as const) {
    const saved = await browser.submit(limits, limits, quotaOf('10', '1,000', mode))
    t.equal(saved.statusCode, 303)
    t.match(await find(), { tokensPerHour: 10, tokensPerDay: 1000, mode })
    const page = await browser.get(limits)
    t.match(page.body, `<option value="${mode}" selected>`)
    t.match(textOf(page), 'Used this hour: 2 of 10; today (UTC): 2 of 1,000.')
    t.match(textOf(await browser.get(here)), `Quota: 10 tokens an hour, 1,000 tokens a day (${mode})`)
  }
  await browser.submit(limits, limits, quotaOf('', '5', 'enforce'))
  t.match(await find(), { tokensPerHour: undefined, tokensPerDay: 5, mode: 'enforce' })
  await browser.submit(limits, limits, SENT)
  t.match(await find(), { tokensPerDay: 5 }, 'a form without these fields leaves it')
  await browser.submit(limits, limits, quotaOf('', '', 'enforce'))
  t.notOk(await find())
})

t.test('a quota that is none is refused at its field, and what was typed stays', async (t) => {
  const { server, limits, find } = await acme(t)
  const browser = await adminOf(server, 'acme')
  for (const [hour, day, field] of [
    ['0', '', 'quota.tokens_per_hour'],
    ['-1', '', 'quota.tokens_per_hour'],
    ['1e3', '', 'quota.tokens_per_hour'],
    ['1.5', '', 'quota.tokens_per_hour'],
    ['', '1000000001', 'quota.tokens_per_day'],
    ['', 'many', 'quota.tokens_per_day'],
  ] as const) {
    const answer = await browser.submit(limits, limits, quotaOf(hour, day, 'monitor'))
    t.equal(answer.statusCode, 400, hour || day)
    t.match(answer.body, `id="${field}-fault"`)
    t.match(answer.body, `value="${hour || day}"`)
    t.match(answer.body, '<option value="monitor" selected>')
  }
  t.equal((await browser.submit(limits, limits, quotaOf('1', '', 'never'))).statusCode, 400)
  t.notOk(await find())
})

t.test('the quota of a realm is shown to all, and is the platform’s to change', async (t) => {
  const { server, operations, ask } = await acme(t)
  await ask()
  await operations.tokenCounts.write()
  const settings = '/portal/acme/settings'
  const browser = await adminOf(server, 'acme')
  t.match(textOf(await browser.get(settings)), 'Quota of tokens none Used this hour: 1; today (UTC): 1.')
  await operations.realms.update(TESTER, 'acme', { quota: { tokensPerHour: 50, mode: 'monitor' } })
  const page = await browser.get(settings)
  t.match(textOf(page), '50 tokens an hour (monitor) Used this hour: 1 of 50; today (UTC): 1.')
  t.notMatch(page.body, 'name="quota.mode"', 'an Account Admin does not change it')
  const viewer = await viewerOf(server, 'acme')
  t.match(textOf(await viewer.get(settings)), 'Used this hour: 1 of 50')
})

t.test('a platform administrator sets, changes and takes away the quota of a realm', async (t) => {
  const { server, operations, ask } = await acme(t)
  await ask()
  await operations.tokenCounts.write()
  const browser = new Browser(server)
  await enterAsPlatformAdmin(server, browser)
  const path = '/portal/system/realms/acme'
  const find = async () => (await operations.realms.find(TESTER, 'acme')).quota
  t.match(textOf(await browser.get(path)), 'Empty: any number. Used this hour: 1; today (UTC): 1.')
  const save = (hour: string, day: string, mode: string) =>
    browser.submit(path, path, { service_account_limit: '30', ...quotaOf(hour, day, mode) })
  t.equal((await save('10', '1,000', 'monitor')).statusCode, 303)
  t.match(await find(), { tokensPerHour: 10, tokensPerDay: 1000, mode: 'monitor' })
  t.match(textOf(await browser.get(path)), 'Used this hour: 1 of 10; today (UTC): 1 of 1,000.')
  const wrong = await save('-1', '5', 'off')
  t.equal(wrong.statusCode, 400)
  t.match(wrong.body, 'id="quota.tokens_per_hour-fault"')
  t.match(wrong.body, '<option value="off" selected>', 'what was typed stays')
  t.match(await find(), { tokensPerHour: 10, tokensPerDay: 1000, mode: 'monitor' })
  t.equal((await save('', '', 'enforce')).statusCode, 303)
  t.equal(await find(), null)
  t.equal((await operations.realms.find(TESTER, 'acme')).serviceAccountLimit, 30)
})
