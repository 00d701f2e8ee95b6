import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test('people let others in by a link and end their sessions', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await page.getByRole('link', { name: 'People' }).click()
  await page.getByLabel('For whom').fill('Ann')
  await page.getByLabel('Viewer').check()
  await page.getByRole('button', { name: 'Make a link' }).click()
  await look(t, page, 'link-made')
  const url = await page.locator('#link').innerText()
  const context = await at.browser.newContext()
  const ann = await context.newPage()
  await ann.goto(url)
  await ann.getByRole('button', { name: 'Sign in', exact: true }).click()
  await ann.waitForURL('**/service-accounts')
  t.match(await ann.locator('.who').innerText(), 'Viewer, read only')
  await page.reload()
  t.equal(await page.locator('#link').count(), 0, 'the link is shown once')
  await look(t, page, 'people')
  await page.getByRole('link', { name: 'End the session of Ann' }).click()
  await page.getByRole('button', { name: 'End' }).click()
  await ann.reload()
  t.match(ann.url(), '/sign-in')
})

t.test('the settings of the realm are read, copied and changed, without script too', async (t) => {
  const at = await portal(t)
  await at.server.operations.realms.update(TESTER, 'acme', {
    audiences: ['https://api.example'],
    scopes: ['read', 'write'],
    roles: ['deployer'],
  })
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    await page.getByRole('link', { name: 'Realm settings' }).click()
    if (javaScriptEnabled) await look(t, page, 'realm-settings')
    await page.getByLabel('Lifetime of tokens, in seconds').fill('5')
    await page.getByRole('button', { name: 'Save' }).click()
    if (javaScriptEnabled) await look(t, page, 'realm-settings-fault')
    t.equal(await page.getByLabel('Lifetime of tokens, in seconds').getAttribute('aria-invalid'), 'true')
    await page.getByLabel('Lifetime of tokens, in seconds').fill('450')
    await page.getByRole('button', { name: 'Save' }).click()
    t.match(await page.locator('main').innerText(), 'Saved.')
    t.match(await at.server.operations.realms.find(TESTER, 'acme'), { tokenLifetimeSeconds: 450 })
    await at.server.operations.realms.update(TESTER, 'acme', { tokenLifetimeSeconds: 300 })
  }
})
