import type { Page } from 'playwright-core'
import t from 'tap'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

const LANGUAGES = ['curl', 'Node', 'Python', 'Go', 'Java', 'C#']

async function newAccount(page: Page, base: string): Promise<void> {
  await page.goto(`${base}/service-accounts/create`)
  await page.getByLabel('Name', { exact: true }).fill('CI')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.locator('#client-secret').waitFor()
}

const shown = (page: Page) =>
  page.locator('.program pre:visible').evaluateAll((all) => all.map((one) => one.id))

t.test('the language of a program is chosen without script', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { javaScriptEnabled: false })
  await newAccount(page, at.base)
  t.same(await page.locator('.programs label').allInnerTexts(), LANGUAGES)
  t.equal(await page.locator('.program pre:visible').count(), 1)
  for (const language of LANGUAGES) {
    await page.locator('.programs label').getByText(language, { exact: true }).click()
    await page.getByLabel(`Program for ${language}`, { exact: true }).waitFor()
    t.equal(await page.locator('.program pre:visible').count(), 1, language)
  }
})

t.test('a program is chosen by the keyboard and copied, which is no copy of the secret', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { permissions: ['clipboard-read', 'clipboard-write'] })
  await newAccount(page, at.base)
  await page.getByRole('radio', { name: 'curl' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.locator('#snippet-secret-node:visible').waitFor()
  t.same(await shown(page), ['snippet-secret-node'])
  await page.getByRole('button', { name: 'Copy program for Node' }).click()
  await page.getByText('Copied', { exact: true }).first().waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  t.equal(copied, await page.locator('#snippet-secret-node').textContent())
  t.match(copied, 'process.env.CLIENT_SECRET')
  await page.getByRole('link', { name: 'Service Accounts' }).first().click()
  await page.getByText('You have not copied the secret.').waitFor()
  await page.getByText('Java', { exact: true }).click()
  await look(t, page, 'program')
})
