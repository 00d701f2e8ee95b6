import type { Page } from 'playwright-core'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

/** Colours of one column of an element's pixels, from its top to its bottom. */
async function column(page: Page, selector: string, share: number): Promise<string[]> {
  const picture = (await page.locator(selector).screenshot()).toString('base64')
  const canvas = await page.context().newPage()
  const colours = await canvas.evaluate(
    async ([data, at]) => {
      const image = new Image()
      image.src = `data:image/png;base64,${data}`
      await image.decode()
      const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
      if (!context) throw new Error('there is no canvas')
      context.drawImage(image, 0, 0)
      const { data: pixels } = context.getImageData(Math.floor(image.width * at), 0, 1, image.height)
      return Array.from({ length: image.height }, (_, y) => [...pixels.slice(4 * y, 4 * y + 3)].join())
    },
    [picture, share] as const,
  )
  await canvas.close()
  return colours
}

t.test('a full meter is painted over all of its height', async (t) => {
  const at = await portal(t, { serviceAccountLimit: 1 })
  await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const page = await signedIn(t, at)
  const colours = await column(page, 'meter', 0.5)
  t.ok(colours.length >= 8, `${colours.length} rows`)
  // Where it begins within a pixel, its first and last row show what is behind it.
  t.equal(new Set(colours.slice(1, -1)).size, 1, colours.join(' '))
})

t.test('the key / leads to the search, except where somebody types', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  const focused = () => page.evaluate(() => document.activeElement?.id)
  t.not(await focused(), 'search')
  await page.keyboard.press('/')
  t.equal(await focused(), 'search')
  t.equal(await page.inputValue('#search'), '')
  await page.keyboard.type('a/b')
  t.equal(await page.inputValue('#search'), 'a/b')
  await page.goto(`${at.base}/service-accounts/create`)
  await page.keyboard.press('/')
  t.not(await focused(), 'search', 'a page without a search has none')
})

t.test('exact times are those of the clock on the wall, and UTC without script', async (t) => {
  const at = await portal(t)
  await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const [account] = (await at.server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 1 })).items
  const utc = `${account?.createdAt.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const exactIn = async (options: Parameters<typeof signedIn>[2]) => {
    const page = await signedIn(t, at, options)
    const text = page.locator('td[data-label="Created"] .exact')
    return { text: await text.innerText(), title: await text.getAttribute('title') }
  }
  t.match(await exactIn({ timezoneId: 'UTC' }), { text: utc })
  t.match(await exactIn({ javaScriptEnabled: false, timezoneId: 'Asia/Kolkata' }), { text: utc })
  const local = new Date((account?.createdAt.getTime() ?? 0) + 5.5 * 3600 * 1000)
  const expected = local.toISOString().slice(0, 19).replace('T', ' ')
  t.match(await exactIn({ timezoneId: 'Asia/Kolkata' }), { text: `${expected} GMT+5:30`, title: utc })
})

t.test('roles that were ticked and not saved outlive another form of the page', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await operations.resources.import(TESTER, 'acme', [{ type: 'device', id: 'gw-1', name: 'Gateway 1' }])
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/service-accounts/${account.clientId}/permissions?find=gateway`)
  const box = page.getByRole('checkbox', { name: 'manage' })
  await box.check()
  await page
    .getByRole('button', { name: /^Grant/ })
    .first()
    .click()
  await page.getByText('Granted', { exact: false }).first().waitFor()
  t.equal(await box.isChecked(), true)
  t.same((await operations.accounts.find(TESTER, 'acme', account.clientId)).roles, ['view'], 'unsaved')
  await page.reload()
  t.equal(await box.isChecked(), false, 'once')
})

t.test('roles that were ticked and not saved outlive another page of the grants', async (t) => {
  const at = await portal(t)
  const { operations } = at.server
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const devices = Array.from({ length: 51 }, (_, n) => ({
    type: 'device',
    id: `gw-${n}`,
    name: `Gateway ${n}`,
  }))
  await operations.resources.import(TESTER, 'acme', devices)
  const grants = devices.map(({ type, id }) => ({ role: 'view', type, id }))
  await operations.grants.replace(TESTER, 'acme', account.clientId, grants)
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/service-accounts/${account.clientId}/permissions`)
  const box = page.getByRole('checkbox', { name: 'manage' })
  await box.check()
  await page.getByRole('link', { name: 'More', exact: true }).click()
  await page.getByRole('link', { name: 'Back', exact: true }).waitFor()
  t.equal(await box.isChecked(), true)
})

t.test('on a narrow screen the open section is in sight', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { viewport: { width: 360, height: 740 } })
  for (const section of ['try-it', 'webhooks', 'service-accounts']) {
    await page.goto(`${at.base}/${section}`)
    const box = await page.locator('.side nav [aria-current]').boundingBox()
    t.ok(box && box.x >= 0 && box.x + box.width <= 360, `${section} ${JSON.stringify(box)}`)
    t.equal(await page.evaluate(() => scrollY), 0)
  }
})

t.test('the switcher leads from realm to realm, with and without script', async (t) => {
  const at = await portal(t)
  await at.server.operations.realms.create(TESTER, 'beta')
  for (const javaScriptEnabled of [true, false]) {
    const page = await signedIn(t, at, { javaScriptEnabled })
    const { url } = await at.server.operations.portal.createLink(TESTER, 'beta')
    const switcher = page.locator('details.realm')
    await switcher.locator('summary').click()
    await switcher.getByRole('link', { name: 'Sign in to another realm' }).click()
    await page.getByLabel('Realm').fill('beta')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Code of the one-time link').fill(url)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.waitForURL('**/beta/service-accounts')
    await switcher.locator('summary').click()
    if (javaScriptEnabled) await look(t, page, 'switcher')
    await switcher.getByRole('link', { name: 'acme' }).click()
    await page.waitForURL('**/acme/service-accounts')
    const other = await page.context().newPage()
    await other.goto(`${at.publicUrl}/portal/beta/keys`)
    await page.reload()
    t.match(page.url(), '/acme/')
    t.match(other.url(), '/beta/keys', 'two tabs in two realms')
    await switcher.locator('summary').click()
    await page.getByRole('button', { name: 'Sign out of all 2 realms' }).click()
    await other.reload()
    t.match(other.url(), '/beta/sign-in')
  }
})
