import t from 'tap'
import { TESTER } from '../support/server.ts'
import { sweep } from './clipped.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('many grants are given, copied and taken away at once, with and without script', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  await operations.resources.import(
    TESTER,
    'acme',
    Array.from({ length: 20 }, (_, n) => ({ type: 'device', id: `gw-${n}`, name: `Gateway ${n}` })),
  )
  const other = await operations.accounts.create(TESTER, 'acme', { name: 'Line 1 of the bakery' })
  const theirs = [3, 4, 5].map((n) => ({ role: 'view', type: 'device', id: `gw-${n}` }))
  await operations.grants.replace(TESTER, 'acme', other.account.clientId, theirs)
  for (const javaScriptEnabled of [true, false]) {
    const { account } = await operations.accounts.create(TESTER, 'acme', { name: `CI ${javaScriptEnabled}` })
    const page = await signedIn(t, at, { javaScriptEnabled })
    const see = async (name: string, answersForm = false) => {
      if (!javaScriptEnabled) return
      await look(t, page, name)
      // The other pages are in the sweep of all addresses.
      if (answersForm) t.same(await sweep(page), [], name)
    }
    const main = () => page.locator('main').innerText()
    await page.goto(`${at.base}/service-accounts/${account.clientId}/permissions`)
    await page.getByLabel('Grant a role on', { exact: true }).fill('gateway')
    if (javaScriptEnabled) await page.getByLabel('Tick Gateway 0').waitFor()
    else await page.getByRole('button', { name: 'Search' }).click()
    for (const n of [0, 1]) await page.getByLabel(`Tick Gateway ${n}`, { exact: true }).check()
    await page.getByLabel('On ticked ones').selectOption('operate')
    await page.getByRole('button', { name: 'Grant on all ticked' }).click()
    t.match(await main(), '2 grants added.')

    await page.getByRole('link', { name: 'Paste ids' }).click()
    await page.getByLabel('Ids').fill('gw-2\nnope')
    await page.getByRole('button', { name: 'Grant' }).click()
    t.match(await main(), 'Realm acme has no device nope. Nothing was done.')
    await see('grants-paste', true)
    await page.getByLabel('Ids').fill('gw-2')
    await page.getByRole('button', { name: 'Grant' }).click()
    t.match(await main(), '1 grant added.')

    await page.getByRole('link', { name: 'Copy from another account' }).click()
    await page.getByLabel('Copy the grants of').fill('bakery')
    await page.getByRole('button', { name: 'Search' }).click()
    await see('grants-copy-from')
    await page.getByRole('link', { name: 'Choose Line 1' }).click()
    t.match(await main(), '3 grants of Line 1 of the bakery would be added.')
    await see('grants-copy', true)
    await page.getByRole('button', { name: 'Add 3 grants' }).click()
    t.match(await main(), '3 grants added.')

    await page.goto(`${at.base}/service-accounts/${account.clientId}/permissions?find=gateway+1`)
    await see('permissions-several')
    for (const n of [0, 4]) await page.getByLabel(new RegExp(`^Tick (view|operate) on Gateway ${n}$`)).check()
    await page.getByRole('button', { name: 'Remove all ticked' }).click()
    t.match(await main(), '2 grants removed.')
    t.equal((await operations.grants.list(TESTER, 'acme', account.clientId, { limit: 9 })).items.length, 4)
  }
})

t.test('an account is made like another one, with and without script', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  await operations.resources.import(TESTER, 'acme', [{ type: 'device', id: 'gw-1', name: 'Gateway' }])
  await operations.accounts.create(TESTER, 'acme', {
    name: 'Line 1 of the bakery',
    roles: ['operate'],
    allowedNetworks: ['10.0.0.0/8'],
    grants: [{ role: 'manage', type: 'device', id: 'gw-1' }],
  })
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    const see = async (name: string) => {
      if (javaScriptEnabled) await look(t, page, name)
    }
    await page.getByRole('link', { name: 'Create', exact: true }).click()
    await page.getByLabel('Make it like another account').fill('bakery')
    await page.getByRole('button', { name: 'Search' }).click()
    await see('create-like-find')
    await page.getByRole('link', { name: 'Choose Line 1' }).click()
    t.equal(await page.getByRole('checkbox', { name: 'operate' }).isChecked(), true)
    const name = `Line 2 ${javaScriptEnabled}`
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByLabel('Ids (optional)').fill('nope')
    await page.getByRole('button', { name: 'Confirm' }).click()
    t.match(await page.locator('main').innerText(), 'Realm acme has no device nope. Nothing was done.')
    await see('create-like')
    await page.getByLabel('Ids (optional)').fill('')
    await page.getByRole('button', { name: 'Confirm' }).click()
    const clientId = await page.locator('#client-id').innerText()
    t.match(await operations.accounts.find(TESTER, 'acme', clientId), {
      name,
      roles: ['operate'],
      allowedNetworks: ['10.0.0.0/8'],
    })
    t.match((await operations.grants.list(TESTER, 'acme', clientId, { limit: 9 })).items, [{ id: 'gw-1' }])
  }
})
