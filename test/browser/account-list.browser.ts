import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('accounts are found, filtered, ticked and deleted, with and without script', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  for (const name of ['CI of the web shop', 'Nightly backup', 'Gateway of Frankfurt', 'Old importer'])
    await operations.accounts.create(TESTER, 'acme', {
      name,
      roles: ['view', 'operate', 'manage'],
      metadata: { owner: 'Platform team', tags: 'prod, eu-central, payments' },
    })
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'Switched off' })
  await operations.accounts.update(TESTER, 'acme', account.clientId, { enabled: false })
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    const names = () => page.locator('td[data-label="Name"] a.strong').allInnerTexts()
    if (javaScriptEnabled) await look(t, page, 'list')
    await page.getByText('Filter and sort').click()
    await page.getByLabel('State').selectOption('Disabled')
    await page.getByRole('button', { name: 'Apply' }).click()
    t.same(await names(), ['Switched off'])
    if (javaScriptEnabled) await look(t, page, 'list-filtered')
    await page.getByRole('link', { name: 'Clear' }).click()
    await page.getByRole('link', { name: 'payments' }).first().click()
    t.equal((await names()).length, javaScriptEnabled ? 4 : 3)
    const [first = ''] = await names()
    await page.getByLabel(`Tick ${first}`).check()
    await page.getByRole('button', { name: 'Disable…' }).click()
    await page.getByRole('button', { name: 'Disable 1 service account' }).click()
    t.match(await page.locator('main').innerText(), '1 service account is disabled.')
    await page.goto(`${at.base}/service-accounts?search=payments`)
    for (const box of await page.getByRole('checkbox').all()) await box.check()
    await page.getByRole('button', { name: 'Delete…' }).click()
    if (javaScriptEnabled) await look(t, page, 'bulk-delete')
    await page.goto(`${at.base}/service-accounts?search=payments`)
    await page.getByLabel(`Tick ${first}`).check()
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('button', { name: 'Delete 1 service account' }).click()
    t.match(await page.locator('main').innerText(), '1 service account is deleted.')
  }
})
