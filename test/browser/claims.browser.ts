import t from 'tap'
import { TESTER } from '../support/server.ts'
import { look } from './look.ts'
import { portal, signedIn } from './support.ts'

t.test(
  'claims are shown in the token while they are typed, then saved, for an account and for the realm',
  async (t) => {
    const at = await portal(t)
    const { account } = await at.server.operations.accounts.create(TESTER, 'acme', {
      name: 'CI of the web shop',
    })
    const page = await signedIn(t, at)
    const preview = page.locator('#token-preview')
    for (const [name, path] of [
      ['claims-of-account', `service-accounts/${account.clientId}/claims`],
      ['claims-of-realm', 'claims'],
    ] as const) {
      await page.goto(`${at.base}/${path}`)
      await look(t, page, `${name}-empty`)
      const claims = page.getByLabel('Claims', { exact: true })
      await claims.fill(`team=${name}\nlimits.daily:=100\ncost@=metadata.center`)
      await preview.getByText(`"team": "${name}"`).waitFor()
      await preview.getByText('Without cost: the account has no metadata center.').waitFor()
      t.ok(page.url().endsWith('/claims'), 'nothing was saved')
      await claims.fill('sub=somebody-else')
      await preview.getByText('The claim sub has a meaning of its own').waitFor()
      await claims.fill(`team=${name}`)
      await preview.getByText(`"team": "${name}"`).waitFor()
      await look(t, page, name)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('Saved.').waitFor()
      t.equal(await claims.inputValue(), `team=${name}`)
    }
    const { claims: ofRealm } = await at.server.operations.realms.find(TESTER, 'acme')
    const { claims: own } = await at.server.operations.accounts.find(TESTER, 'acme', account.clientId)
    t.same(own, [{ claim: 'team', value: 'claims-of-account' }])
    t.same(ofRealm, [{ claim: 'team', value: 'claims-of-realm' }])
  },
)

t.test('without script a button shows the preview', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at, { javaScriptEnabled: false })
  await page.goto(`${at.base}/claims`)
  await page.getByLabel('Claims', { exact: true }).fill('team=shop')
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.locator('#token-preview').getByText('"team": "shop"').waitFor()
  t.equal(await page.getByLabel('Claims', { exact: true }).inputValue(), 'team=shop')
  t.same((await at.server.operations.realms.find(TESTER, 'acme')).claims, [])
})
