import t from 'tap'
import { adminOf, hiddenFields, textOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('claims of an account and of its realm are previewed, saved and refused in words', async (t) => {
  const server = await testServer(t)
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const browser = await adminOf(server, 'acme')
  for (const page of [`/portal/acme/service-accounts/${account.clientId}/claims`, '/portal/acme/claims']) {
    const fields = hiddenFields((await browser.get(page)).body, page)
    const send = (path: string, claims: string, metadata = '') =>
      browser.post(path, { ...fields, claims, metadata })
    const preview = await send(`${page}/preview`, 'tenant=acme\nlimits.daily:=100\n\nn@=metadata.center')
    t.match(
      preview.body,
      /&quot;tenant&quot;: &quot;acme&quot;|"tenant": "acme"|&#34;tenant&#34;: &#34;acme&#34;/,
    )
    t.match(textOf(preview), 'Without n: the account has no metadata center.')
    t.match(textOf(await send(`${page}/preview`, 'sub=x')), 'The claim sub has a meaning of its own')
    t.match(textOf(await send(`${page}/preview`, 'what')), 'is not like tenant=acme')
    const refused = await send(page, 'sub=x')
    t.equal(refused.statusCode, 400)
    t.match(textOf(refused), 'has a meaning of its own')
    t.match(refused.body, /sub(?:=|&#61;|&#x3D;)x<\/textarea>/i)
    const saved = await send(
      page,
      '{"claim":"groups","from":"roles","prefix":"/"}\na.b:={"c":[1]}',
      'center=4711',
    )
    t.equal(saved.statusCode, 303)
  }
  const claims = [
    { claim: 'groups', from: 'roles', prefix: '/' },
    { claim: 'a.b', value: { c: [1] } },
  ]
  t.match(await operations.accounts.find(TESTER, 'acme', account.clientId), {
    claims,
    metadata: { center: '4711' },
  })
  t.same((await operations.realms.find(TESTER, 'acme')).claims, claims)
})
