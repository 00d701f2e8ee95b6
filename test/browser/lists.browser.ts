import type { Page } from 'playwright-core'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import { enterAsPlatformAdmin, portal, signedIn } from './support.ts'

/** A table has its header to see; cards have it for screen readers alone. */
function showsTable(page: Page): Promise<boolean> {
  return page.locator('table.cards thead').evaluate((head) => head.getBoundingClientRect().height > 10)
}

t.test('lists are tables on a small laptop and on a tablet, and cards on a telephone', async (t) => {
  const it = await portal(t)
  const { operations } = it.server
  await operations.accounts.create(TESTER, 'acme', { name: 'CI deployer' })
  await operations.resources.import(TESTER, 'acme', [{ type: 'device', id: 'gw-1', name: 'Gateway' }])
  await operations.webhooks.create(TESTER, 'acme', {
    url: 'https://hooks.example/1',
    events: ['secret.leaked'],
  })
  const page = await signedIn(t, it)
  await enterAsPlatformAdmin(page, it)
  const lists = ['acme/service-accounts', 'acme/devices', 'acme/keys', 'acme/audit', 'acme/webhooks']
  for (const list of [...lists, 'system/realms']) {
    await page.goto(`${it.publicUrl}/portal/${list}`)
    for (const [width, isTable] of [
      [1440, true],
      [1280, true],
      [1024, true],
      [768, true],
      [390, false],
    ] as const) {
      await page.setViewportSize({ width, height: 800 })
      t.equal(await showsTable(page), isTable, `${list} at ${width} px`)
    }
  }
})
