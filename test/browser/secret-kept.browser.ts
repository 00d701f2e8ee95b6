import type { Page } from 'playwright-core'
import t from 'tap'
import { sweep } from './clipped.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('the first click that leaves a secret warns, unless it was copied', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { permissions: ['clipboard-read', 'clipboard-write'] })
  const warning = page.getByText('You have not copied the secret.')
  /** How many clicks it takes to leave. */
  const clicksToLeave = async (name: string, before: (page: Page) => Promise<void>) => {
    await page.goto(`${at.base}/service-accounts/create`)
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.locator('#client-secret').waitFor()
    t.equal(await warning.isVisible(), false)
    await before(page)
    const link = page.getByRole('link', { name: 'Service Accounts' }).first()
    await link.click()
    const isWarned = await warning.isVisible().catch(() => false)
    if (isWarned) await link.click()
    await page.waitForURL('**/service-accounts')
    return isWarned ? 2 : 1
  }
  t.equal(await clicksToLeave('A', async () => {}), 2)
  t.equal(await clicksToLeave('B', (page) => page.getByRole('button', { name: 'Copy client_id' }).click()), 2)
  t.equal(await clicksToLeave('C', (page) => page.getByRole('button', { name: 'Copy secret' }).click()), 1)
  t.equal(
    await clicksToLeave('D', async (page) => {
      await page.getByText('.env', { exact: true }).click()
      await page.getByRole('button', { name: 'Copy .env' }).click()
    }),
    1,
  )
  t.equal(
    await clicksToLeave('E', async (page) => {
      await page.locator('#client-secret').click({ clickCount: 3 })
      await page.keyboard.press('Control+c')
    }),
    1,
  )
})

t.test('a secret, its forms to copy and the limits of its account look right', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/service-accounts/create`)
  await page.getByLabel('Name', { exact: true }).fill('CI of the web shop')
  await page.getByRole('button', { name: 'Confirm' }).click()
  for (const form of ['.env', 'Kubernetes Secret']) await page.getByText(form, { exact: true }).click()
  await look(t, page, 'secret-copy-as')
  t.same(await sweep(page), [], 'secret-copy-as')
  await page.getByRole('link', { name: 'I have copied it' }).click()
  await page.getByRole('link', { name: 'Change its limits' }).click()
  await page.getByLabel('Allowed networks').fill('10.0.0.0/8\n2001:db8::/32')
  await page.getByLabel('End (UTC)').fill('2035-01-31T18:00')
  await look(t, page, 'limits')
  await page.getByRole('button', { name: 'Save' }).click()
  t.match(await page.locator('main').innerText(), /From 10\.0\.0\.0\/8, 2001:db8::\/32/)
  await look(t, page, 'account-limited')
})

t.test('the browser asks before a reload or the way back loses a secret, unless it was copied', async (t) => {
  const at = await portal(t)
  for (const [name, copies] of [
    ['A', false],
    ['B', true],
  ] as const) {
    const page = await signedIn(t, at, { permissions: ['clipboard-read', 'clipboard-write'] })
    const asked: string[] = []
    page.on('dialog', (dialog) => asked.push(dialog.type()))
    await page.goto(`${at.base}/service-accounts/create`)
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByRole('button', { name: 'Confirm' }).click()
    // A browser asks only where somebody has clicked.
    await page.locator('#client-id').click()
    if (copies) await page.getByRole('button', { name: 'Copy secret' }).click()
    await page.reload()
    t.same(asked, copies ? [] : ['beforeunload'], `copied: ${copies}`)
    t.equal(await page.locator('#client-secret').count(), 0, 'it is gone all the same')
    await page.reload()
    t.equal(asked.length, copies ? 0 : 1, 'other pages ask nothing')
  }
})
