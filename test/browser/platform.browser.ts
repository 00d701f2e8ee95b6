import t from 'tap'
import { TESTER } from '../support/server.ts'
import { sweep } from './clipped.ts'
import { look } from './look.ts'
import { enterAsPlatformAdmin, portal, signedIn, watch } from './support.ts'

t.test(
  'a platform administrator makes a realm, opens it, comes back and deletes it, without script too',
  async (t) => {
    for (const javaScriptEnabled of [true, false]) {
      const at = await portal(t, { serviceAccountLimit: 1 })
      await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
      await at.server.operations.realms.create(TESTER, 'x'.repeat(63), {
        displayName: 'Ein langer Name '.repeat(12),
      })
      const context = await at.browser.newContext({ reducedMotion: 'reduce', javaScriptEnabled })
      const page = await context.newPage()
      watch(t, page)
      await enterAsPlatformAdmin(page, at)
      await page.getByRole('link', { name: 'Realms', exact: true }).click()
      t.match(await page.locator('main').innerText(), 'Limit of accounts reached')
      if (javaScriptEnabled) await look(t, page, 'realms')

      await page.getByRole('link', { name: 'Create' }).click()
      if (javaScriptEnabled) await look(t, page, 'new-realm')
      await page.getByLabel('Name', { exact: true }).fill('acme')
      await page.getByLabel('Audiences (optional)').fill('https://api.example')
      await page.getByRole('button', { name: 'Create' }).click()
      t.match(await page.locator('main').innerText(), 'There is a realm acme already')
      t.equal(await page.getByLabel('Audiences (optional)').inputValue(), 'https://api.example')
      if (javaScriptEnabled) {
        await look(t, page, 'new-realm-fault')
        t.same(await sweep(page), [], 'new-realm-fault')
      }
      await page.getByLabel('Name', { exact: true }).fill('beta')
      await page.getByRole('button', { name: 'Create' }).click()
      t.match(await page.locator('main').innerText(), 'The realm is created')
      if (javaScriptEnabled) await look(t, page, 'one-realm')

      await page.getByRole('button', { name: 'Open beta' }).click()
      await page.waitForURL('**/portal/beta/service-accounts')
      t.match(await page.locator('.who').innerText(), 'Platform administrator')
      if (javaScriptEnabled) await look(t, page, 'opened-realm')
      await page.locator('details.realm summary').click()
      await page.getByRole('link', { name: 'All realms' }).click()
      await page.getByLabel('Search by name or display name').fill('BET')
      await page.getByRole('button', { name: 'Search' }).click()
      t.equal(await page.locator('tbody tr').count(), 1)
      await page.getByRole('link', { name: 'beta' }).click()
      await page.getByRole('link', { name: 'Delete the realm' }).click()
      if (javaScriptEnabled) await look(t, page, 'delete-realm')
      await page.getByLabel(/To confirm/).fill('beta')
      await page.getByRole('button', { name: 'Delete' }).click()
      t.match(await page.locator('main').innerText(), 'The realm is deleted')
      await page.goto(`${at.publicUrl}/portal/beta/service-accounts`)
      t.match(page.url(), '/sign-in')
    }
  },
)

t.test('an Account Admin sees nothing of the platform', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  t.equal(await page.getByRole('link', { name: 'Realms', exact: true }).count(), 0)
  await page.goto(`${at.base}/realms`)
  t.match(await page.locator('main').innerText(), 'Requires the platform-admin role')
})
