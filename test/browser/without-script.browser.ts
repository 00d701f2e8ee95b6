import t from 'tap'
import { TESTER } from '../support/server.ts'
import { portal, shownCredentials, signedIn, tokenStatus } from './support.ts'

t.test('everything works without JavaScript', async (t) => {
  const at = await portal(t)
  await at.server.operations.resources.put(TESTER, 'acme', {
    type: 'device',
    id: 'gw-1',
    name: 'Gateway',
  })
  const page = await signedIn(t, at, { javaScriptEnabled: false })
  await page.getByRole('link', { name: 'Create', exact: true }).click()
  await page.getByLabel('Name', { exact: true }).fill('CI')
  await page.getByRole('button', { name: 'Confirm' }).click()
  const shown = await shownCredentials(page)
  t.equal((await tokenStatus(at, shown)).status, 200)
  t.equal(await page.getByRole('button', { name: /Copy/ }).count(), 0, 'no button that would do nothing')

  await page.reload()
  t.match(await page.locator('main').innerText(), 'Shown once already')
  t.notMatch(await page.content(), shown.clientSecret)
  await page.goBack().catch(() => {})
  t.notMatch(await page.content(), shown.clientSecret)

  const here = `${at.base}/service-accounts/${shown.clientId}`
  await page.goto(`${here}/permissions`)
  await page.getByLabel('Grant a role on').fill('gate')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('button', { name: 'Grant it on Gateway' }).click()
  t.match(await page.locator('main').innerText(), 'Granted.')

  await page.goto(`${at.base}/try-it`)
  await page.getByLabel('client_id').fill(shown.clientId)
  await page.getByLabel('client_secret').fill(shown.clientSecret)
  await page.getByRole('button', { name: 'Get a token' }).click()
  t.match(await page.getByLabel('Claims').innerText(), 'gw-1')

  await page.goto(`${at.base}/service-accounts`)
  await page.getByLabel('Search by name').fill('ci')
  await page.getByLabel('Search by name').press('Enter')
  await page.getByRole('link', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  t.match(await page.locator('main').innerText(), 'The service account is deleted.')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.goto(here)
  t.match(page.url(), '/portal/acme/sign-in')
})
