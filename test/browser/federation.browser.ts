import t from 'tap'
import { bound, testPlatform, trust } from '../support/platform.ts'
import { TESTER } from '../support/server.ts'
import { sweep } from './clipped.ts'
import { look } from './look.ts'
import { type Portal, portal, signedIn } from './support.ts'

const LONG = 'x'.repeat(100)

/** Issuers of several kinds, and an account that is bound to them. */
async function furnish({ server }: Portal) {
  const platform = testPlatform(server)
  const github = await server.operations.trustedIssuers.create(TESTER, 'acme', {
    preset: 'github',
    name: 'GitHub Actions of the shop',
  })
  const id = await trust(server, platform, { audiences: [`https://${LONG}.example/${LONG}`] })
  const long = testPlatform(server, `https://${LONG.slice(0, 60)}.example/${LONG}/${LONG}`)
  await trust(server, long, { name: LONG, preset: 'kubernetes', enabled: false })
  const rules = [
    { claim: ['kubernetes.io', 'namespace'], equals: ['prod', LONG] },
    { claim: 'sub', equals: 'system:serviceaccount:prod:default' },
    { claim: 'path', matches: `repo:${LONG}/*` },
  ]
  const { clientId, identityId } = await bound(server, id, rules)
  return { id, github: github.issuer.id, account: `service-accounts/${clientId}`, identityId }
}

t.test('pages of trusted issuers are accessible, and fit at any width', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/trusted-issuers`)
  await look(t, page, 'no-issuers')
  const { id, github } = await furnish(at)
  const pages = {
    issuers: 'trusted-issuers',
    'choose-platform': 'trusted-issuers/add',
    'add-issuer': 'trusted-issuers/add?preset=kubernetes',
    'add-issuer-aws': 'trusted-issuers/add?preset=aws',
    'add-issuer-other': 'trusted-issuers/add?preset=other',
    issuer: `trusted-issuers/${id}?done=saved`,
    'issuer-github': `trusted-issuers/${github}`,
    'replace-keys': `trusted-issuers/${id}/keys`,
    'disable-issuer': `trusted-issuers/${id}/disable`,
    'delete-issuer': `trusted-issuers/${id}/delete`,
  }
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(`${at.base}/${path}`)
    await look(t, page, name)
    t.same(await sweep(page), [], name)
  }
})

t.test('pages of workload identities are accessible, and fit at any width', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  const { account } = await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const empty = `service-accounts/${account.clientId}/workload-identities`
  await page.goto(`${at.base}/${empty}/add`)
  await look(t, page, 'no-issuer-to-bind')
  const { id, github, account: bound, identityId } = await furnish(at)
  const pages = {
    'no-identities': empty,
    'choose-issuer': `${empty}/add`,
    'add-identity': `${empty}/add?issuer=${github}`,
    'add-identity-other': `${empty}/add?issuer=${id}`,
    identities: `${bound}/workload-identities`,
    identity: `${bound}/workload-identities/${identityId}?done=first`,
    'delete-identity': `${bound}/workload-identities/${identityId}/delete`,
  }
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(`${at.base}/${path}`)
    await look(t, page, name)
    t.same(await sweep(page), [], name)
  }
})

t.test('a workload identity is added with its warning, and has a recipe', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  const { account } = await at.server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  await at.server.operations.trustedIssuers.create(TESTER, 'acme', {
    preset: 'eks',
    issuer: 'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF',
  })
  await page.goto(`${at.base}/service-accounts/${account.clientId}`)
  await page.getByRole('link', { name: 'Workload identities' }).click()
  await page.getByRole('link', { name: 'Add a workload identity' }).click()
  await page.getByRole('link', { name: 'Amazon EKS' }).click()
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByText('rules must be a list of 1 to 8 rules').waitFor()
  await look(t, page, 'add-identity-fault')
  await page.getByLabel('Value of "kubernetes.io".namespace').fill('prod')
  await page.getByLabel('Value of "kubernetes.io".serviceaccount.name').fill('default')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('button', { name: 'Add it all the same' }).waitFor()
  await look(t, page, 'add-identity-warned')
  await page.getByRole('button', { name: 'Add it all the same' }).click()
  await page.getByText('The workload identity is added').waitFor()
  t.match(await page.locator('#recipe-0').innerText(), 'serviceAccountName: "default"')
  await look(t, page, 'identity-added')
})

t.test('a tested token and refusals are accessible, and fit at any width', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  const { server } = at
  const platform = testPlatform(server, `https://platform.example/${LONG}`)
  const id = await trust(server, platform, { audiences: [`${at.publicUrl}/${LONG}`] })
  await bound(server, id, [
    { claim: 'sub', equals: 'workload' },
    { claim: ['kubernetes.io', 'namespace'], matches: `${LONG}*` },
  ])
  const explain = `${at.base}/trusted-issuers/explain`
  await page.goto(explain)
  await look(t, page, 'explain')
  for (const [name, token] of [
    ['explained', platform.token({ path: LONG, 'kubernetes.io': { namespace: LONG } })],
    ['explained-unreadable', LONG],
  ] as const) {
    await page.goto(explain)
    await page.getByLabel('Token', { exact: true }).fill(token)
    await page.getByRole('button', { name: 'Test it' }).click()
    await page.getByText('The token is refused').waitFor()
    t.notMatch(await page.content(), token.split('.')[2] ?? token, 'the token is not in the page')
    await look(t, page, name)
    t.same(await sweep(page), [], name)
  }
  const realm = await server.operations.realms.find(TESTER, 'acme')
  const refused = { realmId: realm.id, issuerId: id, address: '2001:db8:85a3:8d3:1319:8a2e:370:7348' }
  for (const subject of [LONG, 'system:serviceaccount:prod:billing'])
    server.operations.issuerRefusals.note({ ...refused, reason: 'audience', subject, clientId: LONG })
  await server.operations.issuerRefusals.write()
  await page.goto(`${at.base}/trusted-issuers/${id}`)
  await look(t, page, 'issuer-refusals')
  t.same(await sweep(page), [], 'refusals')
})

t.test('an issuer with a fault is typed again where the fault is said', async (t) => {
  const at = await portal(t)
  const page = await signedIn(t, at)
  await page.goto(`${at.base}/trusted-issuers/add`)
  await page.getByRole('link', { name: 'Another platform' }).click()
  await page.getByLabel('Issuer', { exact: true }).fill('http://a.example')
  await page.getByRole('button', { name: 'Trust it' }).click()
  await page.locator('#issuer-fault').waitFor()
  t.equal(await page.evaluate(() => document.activeElement?.id), 'issuer')
  await look(t, page, 'add-issuer-fault')
  await page.getByLabel('Issuer', { exact: true }).fill('https://a.example')
  await page.getByRole('button', { name: 'Trust it' }).click()
  await page.getByText('The issuer is trusted.').waitFor()
  await page.getByRole('link', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The issuer is deleted').waitFor()
})
