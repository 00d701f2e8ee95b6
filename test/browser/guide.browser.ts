import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { TESTER } from '../support/server.ts'
import { type Portal, portal, shownCredentials, signedIn, tokenStatus } from './support.ts'

async function create(page: Page, { base }: Portal, name: string): Promise<void> {
  await page.goto(`${base}/service-accounts`)
  await page.getByRole('link', { name: 'Create', exact: true }).click()
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('button', { name: 'Confirm' }).click()
}

async function visibleText(page: Page): Promise<string> {
  return page.locator('main').innerText()
}

async function rowOf(page: Page, { base }: Portal, name: string) {
  await page.goto(`${base}/service-accounts`)
  return page.getByRole('row').filter({ hasText: name })
}

t.test('Create: Settings → Service Accounts, Create, a unique name, Confirm', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await page
    .getByRole('navigation', { name: 'Settings' })
    .getByRole('link', { name: 'Service Accounts' })
    .click()
  t.equal(await page.title(), 'Service Accounts · acme · Mintmark')
  await create(page, at, 'CI of the web shop')
  t.match(await visibleText(page), 'Copy the secret now — it cannot be retrieved again.')
  const shown = await shownCredentials(page)
  t.equal((await tokenStatus(at, shown)).status, 200)
  t.test('the new service account has the role view', async (t) => {
    t.match(await (await rowOf(page, at, 'CI of the web shop')).innerText(), /\bview\b/)
  })
})

t.test('the secret is shown once: neither a reload nor the back button brings it back', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const { clientSecret } = await shownCredentials(page)
  await page.reload()
  t.notMatch(await page.content(), clientSecret)
  t.match(await visibleText(page), 'client_id', 'the reload shows the service account')

  await create(page, at, 'Backup')
  const second = await shownCredentials(page)
  await page.getByRole('link', { name: 'I have copied it' }).click()
  await page.goBack()
  t.notMatch(await page.content(), second.clientSecret)
  await page.goBack()
  t.notMatch(await page.content(), second.clientSecret)
  const { serviceAccountCount } = await at.server.operations.realms.find(TESTER, 'acme')
  t.equal(serviceAccountCount, 2, 'nothing was created again')
})

t.test('the copy buttons copy, and say so', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { permissions: ['clipboard-read', 'clipboard-write'] })
  await create(page, at, 'CI')
  const { clientId, clientSecret } = await shownCredentials(page)
  const copied = () => page.evaluate(() => navigator.clipboard.readText())
  await page.getByRole('button', { name: 'Copy client_id' }).click()
  t.equal(await copied(), clientId)
  await page.getByRole('button', { name: 'Copy secret' }).click()
  t.equal(await copied(), clientSecret)
  await page.getByText('Copied', { exact: true }).first().waitFor()
  await page.getByRole('button', { name: 'Copy curl command' }).click()
  const command = await copied()
  const { stdout } = await promisify(execFile)('bash', ['-c', command])
  const answer = JSON.parse(stdout)
  t.equal(answer.token_type, 'Bearer', 'the curl command works as it was copied')
})

t.test('Rotate: Reset Secret shows a new secret once, and the old one stops with it', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const old = await shownCredentials(page)
  await (await rowOf(page, at, 'CI')).getByRole('link', { name: 'Reset Secret' }).click()
  t.match(await visibleText(page), 'The old secret stops working as soon as the new one is issued.')
  await page.getByRole('button', { name: 'Reset Secret' }).click()
  const fresh = await shownCredentials(page)
  t.equal((await tokenStatus(at, old)).status, 401)
  t.equal((await tokenStatus(at, fresh)).status, 200)
  await page.reload()
  t.notMatch(await page.content(), fresh.clientSecret)
  t.equal((await tokenStatus(at, fresh)).status, 200, 'the reload reset nothing')
})

t.test('Rotate with overlap: both secrets work until the rotation is finished', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const old = await shownCredentials(page)
  at.server.clock.advance(1)
  await page.getByRole('link', { name: 'I have copied it' }).click()
  await page.getByRole('link', { name: 'Rotate with overlap' }).click()
  await page.getByLabel('one week').check()
  await page.getByRole('button', { name: 'Issue a second secret' }).click()
  const fresh = await shownCredentials(page)
  for (const secret of [old, fresh]) t.equal((await tokenStatus(at, secret)).status, 200)
  await page.getByRole('link', { name: 'I have copied it' }).click()
  await page.getByRole('link', { name: 'Finish: end the old one' }).click()
  await page.getByRole('button', { name: 'End the old secret' }).click()
  t.match(await visibleText(page), 'The rotation is finished')
  t.equal((await tokenStatus(at, old)).status, 401)
  t.equal((await tokenStatus(at, fresh)).status, 200)
})

t.test('Delete is immediate, and tokens stop working at their next check', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const shown = await shownCredentials(page)
  const { token } = await tokenStatus(at, shown)
  await at.server.operations.presentedTokens.verify(token)
  await (await rowOf(page, at, 'CI')).getByRole('link', { name: 'Delete' }).click()
  t.match(
    await visibleText(page),
    'Any tokens minted from this service account stop working at their next validation check.',
  )
  await page.getByRole('button', { name: 'Delete' }).click()
  t.match(await visibleText(page), 'The service account is deleted.')
  t.equal((await tokenStatus(at, shown)).status, 401)
  await t.rejects(at.server.operations.presentedTokens.verify(token))
})

t.test('Limits: 25 service accounts, names that are unique', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  await create(page, at, 'ci')
  t.match(await visibleText(page), 'There is a service account named “ci” already.')
  t.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'ci', 'what was typed is still there')
  for (let i = 1; i < 25; i++)
    await at.server.operations.accounts.create(TESTER, 'acme', { name: `Robot ${i}` })
  await page.getByLabel('Name', { exact: true }).fill('The 26th')
  await page.getByRole('button', { name: 'Confirm' }).click()
  t.match(await visibleText(page), '25 of 25 service accounts are used: the limit is reached.')
  await page.goto(`${at.base}/service-accounts`)
  t.match(await visibleText(page), '25 of 25 used')
  t.ok(await page.getByRole('button', { name: 'Create' }).isDisabled())
})

t.test(
  'Permissions: a role on one of 10,000 devices, found while typing, is in the next token',
  async (t) => {
    const at = await portal(t)
    const page = await signedIn(t, at)
    const devices = Array.from({ length: 10_000 }, (_, i) => ({
      type: 'device',
      id: `gw-${i}`,
      name: `Gateway ${i}`,
    }))
    for (let i = 0; i < devices.length; i += 1000)
      await at.server.operations.resources.import(TESTER, 'acme', devices.slice(i, i + 1000))
    await create(page, at, 'CI')
    const shown = await shownCredentials(page)
    await page.getByRole('link', { name: 'I have copied it' }).click()
    await page.getByRole('link', { name: 'Permissions' }).click()
    await page.getByLabel('Grant a role on').pressSequentially('gateway 7432')
    const found = page.locator('#found li')
    await found.getByText('Gateway 7432').waitFor()
    t.equal(await found.count(), 1)
    await found.getByRole('combobox').selectOption('operate')
    await found.getByRole('button').click()
    t.match(await visibleText(page), 'Granted. The next token says so.')
    await claimsHold(t, at, shown, page)
  },
)

async function claimsHold(t: Test, at: Portal, shown: Parameters<typeof tokenStatus>[1], page: Page) {
  const { token } = await tokenStatus(at, shown)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const details = [{ type: 'device', identifier: 'gw-7432', privileges: ['operate'] }]
  t.same(claims.authorization_details, details)
  const preview = JSON.parse(await page.getByLabel('Claims of the next token').innerText())
  t.same(
    { ...preview, iat: 0, exp: 0, jti: '' },
    { ...claims, iat: 0, exp: 0, jti: '' },
    'the page foretells the token',
  )
}

t.test('Try it shows the claims of a token, and keeps neither secret nor token', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await create(page, at, 'CI')
  const { clientId, clientSecret } = await shownCredentials(page)
  await page.goto(`${at.base}/try-it`)
  await page.getByLabel('client_id').fill(clientId)
  await page.getByLabel('client_secret').fill(clientSecret)
  await page.getByRole('button', { name: 'Get a token' }).click()
  t.equal(JSON.parse(await page.getByLabel('Claims').innerText()).sub, clientId)
  t.equal(await page.getByLabel('client_secret').inputValue(), '')
  await page.goto(`${at.base}/keys`)
  await page.goBack()
  t.notMatch(await page.content(), clientSecret)
})
