import pg from 'pg'
import t from 'tap'
import { AUTH_METHODS } from '../../src/domain/client-key.ts'
import { testKeyPair } from '../support/client-keys.ts'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { type Portal, portal, signedIn, watch } from './support.ts'

/** Accounts of all kinds, some with names that have caused trouble elsewhere. */
async function furnish({ server }: Portal): Promise<string> {
  const { operations, clock } = server
  const names = [
    'CI of the web shop',
    'Nightly backup',
    '<script>alert(1)</script>',
    '🚀'.repeat(50),
    'שירות גיבוי לילי',
  ]
  const [first] = await Promise.all(names.map((name) => operations.accounts.create(TESTER, 'acme', { name })))
  const { clientId } = (first as NonNullable<typeof first>).account
  const group = { type: 'device_group', id: 'eu-edge', name: 'Edge, Europe' }
  await operations.resources.import(TESTER, 'acme', [
    group,
    ...Array.from({ length: 30 }, (_, i) => ({
      type: 'device',
      id: `gw-${i}`,
      name: `Gateway ${i}`,
      groups: ['eu-edge'],
    })),
  ])
  await operations.grants.add(TESTER, 'acme', clientId, {
    role: 'operate',
    type: 'device_group',
    id: 'eu-edge',
  })
  clock.advance(7200)
  await operations.secrets.startRotation(TESTER, 'acme', clientId)
  await operations.accounts.update(TESTER, 'acme', clientId, { authMethods: [...AUTH_METHODS] })
  for (const name of ['build server', ''])
    await operations.clientKeys.add(TESTER, 'acme', clientId, { pem: testKeyPair().pem, name })
  const { items } = await operations.accounts.list(TESTER, 'acme', {
    after: '',
    limit: 9,
    nameContains: 'backup',
  })
  await operations.accounts.update(TESTER, 'acme', items[0]?.clientId ?? '', { enabled: false })
  await operations.signingKeys.rotate(TESTER, 'acme')
  return clientId
}

t.test(
  'every page is accessible and fits, light and dark, on a telephone and on a wide screen',
  async (t) => {
    const at = await portal(t)
    const clientId = await furnish(at)
    const page = await signedIn(t, at)
    const here = `service-accounts/${clientId}`
    const [key] = await at.server.operations.signingKeys.list(TESTER, 'acme')
    const pages = {
      'service-accounts': 'service-accounts',
      'nothing-found': 'service-accounts?search=nobody',
      create: 'service-accounts/create',
      account: here,
      'reset-secret': `${here}/reset-secret`,
      'rotate-secret': `${here}/rotate-secret`,
      'auth-methods': `${here}/auth-methods`,
      'add-key': `${here}/keys/add`,
      disable: `${here}/disable`,
      delete: `${here}/delete`,
      permissions: `${here}/permissions`,
      'permissions-search': `${here}/permissions?find=gateway`,
      keys: 'keys',
      'rotate-key': 'keys/rotate',
      'revoke-key': `keys/${key?.kid}/revoke`,
      audit: 'audit',
      'audit-nothing': 'audit?to=2000-01-01',
      'try-it': 'try-it',
      'not-found': 'nothing',
    }
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(`${at.base}/${path}`)
      await look(t, page, name)
    }
  },
)

t.test('answers of forms look right', async (t) => {
  const at = await portal(t, { serviceAccountLimit: 2 })
  const page = await signedIn(t, at)
  for (const answer of ['created', 'name-taken']) {
    await page.goto(`${at.base}/service-accounts/create`)
    await page.getByLabel('Name', { exact: true }).fill('CI')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await look(t, page, answer)
  }
  const { account, clientSecret } = await at.server.operations.accounts.create(TESTER, 'acme', {
    name: 'Backup',
  })
  await page.goto(`${at.base}/service-accounts`)
  await look(t, page, 'limit-reached')
  for (const [answer, secret] of [
    ['token', clientSecret],
    ['no-token', 'wrong'],
  ] as const) {
    await page.goto(`${at.base}/try-it`)
    await page.getByLabel('client_id').fill(account.clientId)
    await page.getByLabel('client_secret').fill(secret)
    await page.getByRole('button', { name: 'Get a token' }).click()
    await look(t, page, answer)
  }
  await viewersOnly(at)
  await page.goto(`${at.base}/service-accounts/${account.clientId}`)
  await look(t, page, 'viewer')
  const restore = await at.server.cutDatabase()
  await page.goto(`${at.base}/service-accounts`)
  await look(t, page, 'database-away')
  await restore()
})

async function viewersOnly({ server }: Portal): Promise<void> {
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query("update portal_sessions set access = 'view', display_name = 'Vera Viewer'")
  await client.end()
}

t.test('sign-in pages look right', async (t) => {
  const settings = {
    clientId: 'x',
    clientSecret: 'x',
    scope: 'openid',
    accessClaim: 'roles',
    adminValue: 'x',
  }
  const at = await portal(t, {
    singleSignOn: { ...settings, issuer: 'http://localhost:9', viewerValue: undefined },
  })
  const page = await (await at.browser.newContext()).newPage()
  watch(t, page)
  await page.goto(`${at.publicUrl}/portal`)
  await look(t, page, 'which-realm')
  await page.goto(`${at.base}/keys`)
  await look(t, page, 'sign-in')
  await page.getByLabel('Code of the one-time link').fill('wrong')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await look(t, page, 'link-invalid')
  await page.goto(`${at.base}/sign-in#code`)
  await page.goto(`${at.base}/sign-in?#code`)
  t.equal(new URL(page.url()).hash, '', 'the code is gone from the address bar')
  await look(t, page, 'link')
})

t.test('the keyboard is enough', async (t) => {
  const at = await portal(t)
  await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const page = await signedIn(t, at)
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
  await page.keyboard.press('Tab')
  t.equal(await focused(), 'Skip to content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  t.equal(await focused(), 'Create')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)
  t.equal(outline, 'solid', 'what has the focus is seen to have it')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/create')
  await page.getByLabel('Name', { exact: true }).focus()
  await page.keyboard.type('By keyboard')
  await page.keyboard.press('Enter')
  await page.locator('#client-secret').waitFor()
  t.match(await page.locator('main').innerText(), 'By keyboard')
})
