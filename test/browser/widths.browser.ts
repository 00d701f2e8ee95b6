import { join } from 'node:path'
import t from 'tap'
import { TESTER } from '../support/server.ts'
import { sweep } from './clipped.ts'
import { portal, signedIn } from './support.ts'

const SCREENSHOTS = process.env['SCREENSHOTS']

t.test('nothing lies outside of its card at any width', async (t) => {
  const it = await portal(t)
  const { operations } = it.server
  const names = ['CI', 'x'.repeat(100), 'Data platform ingest of the warehouse, Frankfurt', '🚀'.repeat(60)]
  for (const name of names)
    await operations.accounts.create(TESTER, 'acme', {
      name,
      roles: ['view', 'operate', 'manage', 'account-admin'],
    })
  const { items } = await operations.accounts.list(TESTER, 'acme', { after: '', limit: 10 })
  const account = `service-accounts/${items[0]?.clientId}`
  const page = await signedIn(t, it)
  for (const path of [
    'service-accounts',
    account,
    `${account}/permissions`,
    `${account}/delete`,
    'service-accounts/create',
    'keys',
    'audit',
    'try-it',
    'sign-in',
  ]) {
    await page.goto(`${it.base}/${path}`)
    t.same(await sweep(page), [], path)
    if (path === 'service-accounts' && SCREENSHOTS)
      for (const width of [360, 768, 900, 1024, 1160, 1280]) {
        await page.setViewportSize({ width, height: 800 })
        await page.screenshot({ path: join(SCREENSHOTS, `list-${width}.png`) })
      }
  }
})
