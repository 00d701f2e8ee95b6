import t from 'tap'
import { TESTER } from '../support/server.ts'
import { portal, signedIn, watch } from './support.ts'

t.test('no fragment of an address stops the scripts of a page', async (t) => {
  const it = await portal(t)
  const page = await it.browser.newPage()
  watch(t, page)
  for (const fragment of ['%', '%zz', '%E0%A4%A', "'", '<b>', '[', '%00']) {
    await page.goto('about:blank')
    await page.goto(`${it.base}/sign-in#${fragment}`)
    await page.waitForSelector('[data-code-found]:not([hidden])')
    t.equal(new URL(page.url()).hash, '', fragment)
  }
  const inside = await signedIn(t, it)
  const { account } = await it.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await inside.goto(`${it.base}/service-accounts/${account.clientId}#%`)
  await inside.getByRole('button', { name: 'Copy client_id' }).click()
  await inside.getByText('Copied', { exact: true }).first().waitFor()
})

t.test('a field takes as many characters as the API, however a browser counts them', async (t) => {
  const it = await portal(t)
  const page = await signedIn(t, it)
  await page.goto(`${it.base}/service-accounts/create`)
  const name = '🚀'.repeat(100)
  await page.getByLabel('Name').pressSequentially(name)
  t.equal(await page.getByLabel('Name').inputValue(), name)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.waitForSelector('[data-secret]')
  await page.goto(`${it.base}/service-accounts/create`)
  await page.getByLabel('Name').fill('x'.repeat(101))
  await page.getByRole('button', { name: 'Confirm' }).click()
  t.match(await page.locator('#name-fault').innerText(), '100')
})
