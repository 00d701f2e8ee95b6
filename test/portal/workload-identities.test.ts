import t from 'tap'
import { parse } from 'yaml'
import { PRESET_NAMES } from '../../src/domain/federation-presets.ts'
import { bound, testPlatform, trust } from '../support/platform.ts'
import { adminOf, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'

async function place(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  const browser = await adminOf(server, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const here = `${LIST}/${account.clientId}/workload-identities`
  const listed = () => server.operations.workloadIdentities.list(TESTER, 'acme', account.clientId)
  const methods = async () =>
    (await server.operations.accounts.find(TESTER, 'acme', account.clientId)).authMethods
  const add = (issuer: string, fields: Record<string, string>) =>
    browser.submit(`${here}/add?issuer=${issuer}`, `${here}/add`, fields)
  return { server, browser, here, add, listed, methods, clientId: account.clientId }
}

t.test('a workload identity is added by its claims, and the account may authenticate with it', async (t) => {
  const { server, browser, here, add, listed, methods, clientId } = await place(t)
  t.match(textOf(await browser.get(`${here}/add`)), 'No issuer is trusted yet')
  const id = await trust(server, testPlatform(server), { preset: 'github' })
  t.match(textOf(await browser.get(here)), 'No workload identity yet')
  t.match((await browser.get(`${here}/add`)).body, `href="?issuer=${id}"`)
  const form = await browser.get(`${here}/add?issuer=${id}`)
  t.match(textOf(form), /repository_id Id of the repository. It outlives renames. For example 456789/)
  t.match(textOf(form), 'With it, the account may authenticate with a workload identity')
  const rules = {
    value_0: '456789',
    value_1: '123456',
    value_3: 'refs/heads/main\r\nrefs/heads/next',
    name: 'Deploys',
  }
  const added = await add(id, rules)
  t.equal(added.statusCode, 303, textOf(added))
  t.match(await listed(), [
    {
      name: 'Deploys',
      rules: [
        { claim: ['repository_id'], equals: ['456789'] },
        { claim: ['repository_owner_id'], equals: ['123456'] },
        { claim: ['ref'], equals: ['refs/heads/main', 'refs/heads/next'] },
      ],
    },
  ])
  t.same(await methods(), ['client_secret', 'federated'])
  const page = textOf(await browser.get(added.headers.location as string))
  t.match(page, 'The account may now authenticate with a workload identity.')
  t.match(page, /ref is refs\/heads\/main or refs\/heads\/next/)
  t.match(page, `client_id=${clientId}`)
  t.match(textOf(await browser.get(here)), /Deploys .*repository_id is 456789/)
})

t.test('claims that no preset knows, numbers, truth values and patterns are rules too', async (t) => {
  const { server, add, listed } = await place(t)
  const id = await trust(server, testPlatform(server), { requiredClaims: ['tenant'] })
  // Rows: tenant, sub, and three for other claims.
  const added = await add(id, {
    value_1: 'workload',
    claim_2: '["a", "b.c"]',
    how_2: 'value',
    value_2: '42\r\ntrue',
    claim_3: 'path',
    how_3: 'matches',
    value_3: 'repo:acme/*',
    claim_4: 'number',
    value_4: '42',
  })
  t.equal(added.statusCode, 303, textOf(added))
  t.match((await listed())[0]?.rules, [
    { claim: ['sub'], equals: ['workload'] },
    { claim: ['a', 'b.c'], equals: [42, true] },
    { claim: ['path'], matches: 'repo:acme/*' },
    { claim: ['number'], equals: ['42'] },
  ])
  const gcp = await trust(server, testPlatform(server, 'https://accounts.google.com'), { preset: 'gcp' })
  // Claims of the preset whose values are no texts: email_verified and a number.
  t.equal((await add(gcp, { value_0: '1121', value_2: 'true', value_4: '739419398126' })).statusCode, 303)
  t.match((await listed()).find(({ issuerId }) => issuerId === gcp)?.rules, [
    { equals: ['1121'] },
    { claim: ['email_verified'], equals: [true] },
    { equals: [739419398126] },
  ])
})

t.test('a rule with a fault is typed again in its row', async (t) => {
  const { server, add, listed, methods } = await place(t)
  const id = await trust(server, testPlatform(server))
  const rows: [fields: Record<string, string>, message: RegExp, row?: number][] = [
    [{}, /rules must be a list of 1 to 8 rules/],
    [{ claim_1: 'a', value_1: 'x' }, /pins sub with equals/],
    [{ value_0: 'w', how_0: 'matches' }, /matches must be a text/, 0],
    [{ value_0: 'w', claim_2: 'a', how_2: 'matches', value_2: 'no star' }, /matches must be a text/, 2],
    [{ value_0: 'w', claim_1: 'typed' }, /Say what typed has to be/, 1],
    [{ value_0: 'w', value_1: 'typed' }, /A claim is its name/, 1],
    [{ value_0: 'w', claim_1: '["a"', value_1: 'x' }, /A claim is its name/, 1],
    [{ value_0: 'w', claim_1: '__proto__', value_1: 'x' }, /A claim is its name/, 1],
    [{ value_0: 'w', claim_1: 'n', how_1: 'value', value_1: '1.5' }, /1.5 is neither a whole number/, 1],
    [{ value_0: 'w', claim_1: 'n', how_1: 'value', value_1: '9999999999999999' }, /equals must be/, 1],
    [{ value_0: 'w', claim_1: 'n', value_1: 'x', name: 'x'.repeat(101) }, /at most 100/],
  ]
  for (const [fields, message, row] of rows) {
    const answer = await add(id, fields)
    t.equal(answer.statusCode, 400, textOf(answer))
    t.match(textOf(answer), message)
    if (row !== undefined) t.match(answer.body, `id="value_${row}-fault"`)
    for (const text of Object.values(fields)) if (/^[\w ]+$/.test(text)) t.match(answer.body, text)
  }
  t.same(await listed(), [])
  t.same(await methods(), ['client_secret'])
})

t.test('rules that hold for more than they seem to are warned of before they count', async (t) => {
  const { server, browser, here, add, listed } = await place(t)
  const id = await trust(server, testPlatform(server), { preset: 'kubernetes' })
  const fields = { value_0: 'prod', value_1: 'default' }
  const warned = await add(id, fields)
  t.equal(warned.statusCode, 200)
  t.match(textOf(warned), /The service account "default" is that of every pod.*Add it all the same/)
  t.same(await listed(), [])
  const warning = /name="warned" value="([^"]+)"/.exec(warned.body)?.[1]?.replaceAll('&#34;', '"') as string
  const other = await add(id, { ...fields, warned: 'something else' })
  t.match(textOf(other), 'Add it all the same')
  const added = await add(id, { ...fields, warned: warning })
  t.equal(added.statusCode, 303, textOf(added))
  t.match(textOf(await browser.get(added.headers.location as string)), 'The service account "default"')
  t.equal((await listed()).length, 1)
  const list = await browser.get(here)
  t.match(textOf(list), /"namespace"\] is prod/)
})

t.test('each platform has something to paste, with the values of the account', async (t) => {
  const { server, browser } = await place(t)
  const issuers: Record<string, string> = {
    azure: 'https://sts.windows.net/x/',
    spiffe: 'spiffe://td.example',
  }
  for (const preset of [...PRESET_NAMES, undefined]) {
    const issuer = issuers[preset ?? ''] ?? `https://${preset ?? 'other'}.example`
    const audiences = [`api://${preset}`, 'second']
    const id = await trust(server, testPlatform(server, issuer), {
      preset,
      audiences,
      maxLifetimeSeconds: 300,
    })
    const rules = [
      { claim: 'sub', equals: 'system:serviceaccount:prod:billing' },
      { claim: 'environment', equals: 'production: 1' },
    ]
    const { clientId, identityId } = await bound(server, id, rules)
    const page = await browser.get(`${LIST}/${clientId}/workload-identities/${identityId}`)
    const texts = [...page.body.matchAll(/<pre id="recipe[^>]*>([\s\S]*?)<\/pre>/g)].map(([, text = '']) =>
      text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code))),
    )
    t.ok(texts.length >= 2, String(preset))
    t.ok(
      texts.some((text) => text.includes(clientId)) && texts.some((text) => text.includes(`api://${preset}`)),
    )
    const [first = ''] = texts
    if (/^(github|gitlab)$/.test(String(preset))) {
      const [job] = Object.values(preset === 'github' ? parse(first).jobs : parse(first)) as [
        { environment: string },
      ]
      t.equal(job.environment, 'production: 1')
    }
    if (first.startsWith('apiVersion'))
      t.match(parse(first), {
        metadata: { namespace: 'prod' },
        spec: {
          serviceAccountName: 'billing',
          volumes: [
            {
              projected: {
                sources: [{ serviceAccountToken: { audience: `api://${preset}`, expirationSeconds: 600 } }],
              },
            },
          ],
        },
      })
  }
})

t.test('a workload identity is deleted after a question', async (t) => {
  const { server, browser } = await place(t)
  const { clientId, identityId } = await bound(server, await trust(server, testPlatform(server)))
  const here = `${LIST}/${clientId}/workload-identities`
  const deletion = `${here}/${identityId}/delete`
  t.match(textOf(await browser.get(deletion)), 'all tokens that the account has got so far end')
  const deleted = await browser.submit(deletion, deletion)
  t.equal(deleted.headers.location, `${here}?done=deleted`)
  t.equal((await browser.get(`${here}/${identityId}`)).statusCode, 404)
})

t.test(
  'where the realm does not allow it, none is added, and what is there is said not to count',
  async (t) => {
    const { server, browser, add, listed } = await place(t, {
      allowedAuthMethods: ['client_secret', 'federated'],
    })
    const id = await trust(server, testPlatform(server))
    const { clientId } = await bound(server, id)
    await server.operations.accounts.update(TESTER, 'acme', clientId, { authMethods: ['client_secret'] })
    t.match(textOf(await browser.get(`${LIST}/${clientId}/workload-identities`)), 'none of them counts')
    await server.operations.realms.update(TESTER, 'acme', { allowedAuthMethods: ['client_secret'] })
    const refused = await add(id, { value_0: 'w' })
    t.equal(refused.statusCode, 409)
    t.match(textOf(refused), 'The realm does not allow workload identities')
    t.same(await listed(), [])
  },
)

t.test('viewers see workload identities, and change none', async (t) => {
  const { server } = await place(t)
  const id = await trust(server, testPlatform(server))
  const { clientId, identityId } = await bound(server, id)
  const here = `${LIST}/${clientId}/workload-identities`
  const viewer = await viewerOf(server, 'acme')
  for (const page of [here, `${here}/${identityId}`]) {
    const { statusCode, body } = await viewer.get(page)
    t.equal(statusCode, 200)
    t.match(body, 'workload')
    for (const action of ['/add"', '/delete"']) t.notMatch(body, action)
  }
  const form_token = /name="form_token" value="([^"]+)"/.exec((await viewer.get(here)).body)?.[1] as string
  for (const page of [`${here}/add`, `${here}/${identityId}/delete`]) {
    t.equal((await viewer.get(page)).statusCode, 403)
    t.equal((await viewer.post(page, { form_token, issuer: id, value_0: 'x' })).statusCode, 403)
  }
  t.equal((await server.operations.workloadIdentities.list(TESTER, 'acme', clientId)).length, 1)
})
