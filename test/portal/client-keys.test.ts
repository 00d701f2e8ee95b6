import t from 'tap'
import { testKeyPair } from '../support/client-keys.ts'
import { type Answer, adminOf, type Browser, secretIn, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const CREATE = `${LIST}/create`
const PAIR = { name: 'CI', description: '', auth_method: 'private_key_jwt' }

async function signedIn(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  return { server, browser: await adminOf(server, 'acme') }
}

const clientIdIn = ({ body }: Answer) => /sa_[0-9a-f]{30}/.exec(body)?.[0] ?? ''

async function createWithKey(browser: Browser, public_key = testKeyPair().pem) {
  const answer = await browser.submit(CREATE, CREATE, { ...PAIR, public_key })
  return { answer, here: `${LIST}/${clientIdIn(answer)}` }
}

t.test('a service account is created with a public key that was pasted, and has no secret', async (t) => {
  const { server, browser } = await signedIn(t)
  const form = textOf(await browser.get(CREATE))
  t.match(form, /It authenticates with .*Client secret.*Key pair/)
  const { jwk, pem } = testKeyPair()
  const { answer, here } = await createWithKey(browser, pem)
  t.equal(answer.statusCode, 200, textOf(answer))
  t.equal(secretIn(answer), '')
  const clientId = clientIdIn(answer)
  t.match(
    textOf(answer),
    `mintmark token \\ --issuer https://auth.test/realms/acme \\ --client-id ${clientId}`,
  )
  const [key] = await server.operations.clientKeys.list(TESTER, 'acme', clientId)
  t.same(key?.jwk, jwk)
  t.match(answer.body, `data-private-key="${key?.kid}" hidden`)
  const page = await browser.get(here)
  t.match(textOf(page), /Authenticates with Key pair/)
  t.match(textOf(page), key?.kid as string)
  for (const offered of ['reset-secret', 'rotate-secret']) t.notMatch(page.body, offered)
  t.notMatch((await browser.get(LIST)).body, 'reset-secret')
  const reset = await browser.submit(`${here}/reset-secret`, `${here}/reset-secret`)
  t.equal(reset.statusCode, 409)
})

t.test('a form with a bad key comes back with what was typed, but never a private key', async (t) => {
  const { server, browser } = await signedIn(t)
  const { privateKey, pem } = testKeyPair()
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const rows: [string, RegExp][] = [
    ['', /Paste a public key: your browser cannot make one here/],
    ['nonsense', /BEGIN PUBLIC KEY/],
    ['{"kty":"EC"', /not JSON/],
    [secret, /This is a private key/],
    [JSON.stringify(privateKey.export({ format: 'jwk' })), /This is a private key/],
  ]
  const { here } = await createWithKey(browser, pem)
  for (const [pasted, message] of rows) {
    const created = await browser.submit(CREATE, CREATE, { ...PAIR, name: 'typed', public_key: pasted })
    const added = await browser.submit(`${here}/keys/add`, `${here}/keys/add`, {
      name: 'typed',
      public_key: pasted,
    })
    for (const { answer, text } of [created, added].map((one) => ({ answer: one, text: textOf(one) }))) {
      t.equal(answer.statusCode, 400, text)
      t.match(text, message)
      t.match(answer.body, 'value="typed"')
      t.notMatch(answer.body, secret.split('\n')[1] as string)
    }
    t.match(created.body, /value="private_key_jwt" checked/)
  }
  t.match((await browser.submit(CREATE, CREATE, { ...PAIR, public_key: pem })).statusCode, 409, 'name taken')
  t.equal((await server.operations.realms.find(TESTER, 'acme')).serviceAccountCount, 1)
})

t.test('only what the realm allows is offered', async (t) => {
  const { browser } = await signedIn(t, { allowedAuthMethods: ['private_key_jwt'] })
  const { body } = await browser.get(CREATE)
  t.match(body, '<input type="hidden" name="auth_method" value="private_key_jwt">')
  const forced = await browser.submit(CREATE, CREATE, { ...PAIR, auth_method: 'client_secret' })
  t.equal(forced.statusCode, 400)
  t.match(textOf(forced), 'does not allow client_secret')
  const { here } = await createWithKey(browser)
  t.notMatch((await browser.get(`${here}/auth-methods`)).body, 'value="client_secret"')
})

t.test('keys are added, changed and deleted on the page of the account', async (t) => {
  const { server, browser } = await signedIn(t)
  const { here } = await createWithKey(browser)
  const clientId = here.split('/').at(-1) as string
  const { jwk } = testKeyPair()
  const add = `${here}/keys/add`
  const public_key = JSON.stringify({ ...jwk, kid: 'https://client.example/<b>' })
  const added = await browser.submit(add, add, { public_key, name: '', expires: '30' })
  t.equal(added.statusCode, 200, textOf(added))
  const again = await browser.submit(add, add, { public_key, name: 'twice' })
  t.equal(again.statusCode, 409)
  t.match(textOf(again), 'has this key already')
  const { body } = await browser.get(here)
  t.match(body, 'https://client.example/&#60;b&#62;')
  const listed = () => server.operations.clientKeys.list(TESTER, 'acme', clientId)
  const key = (await listed()).find(({ kid }) => kid.startsWith('https:'))
  t.equal(key?.expiresAt?.getTime(), server.clock.now.getTime() + 30 * 86_400_000)

  const change = `${here}/keys/${key?.thumbprint}`
  const stale = await browser.get(change)
  const named = await browser.submit(change, change, { name: 'Build server', expires: 'never' })
  t.equal(named.headers.location, `${here}?done=saved`)
  const renamed = (await listed()).find(({ kid }) => kid === key?.kid)
  t.match(renamed, { name: 'Build server', expiresAt: undefined })
  const bad = await browser.submit(change, change, { name: 'x'.repeat(101), expires: '' })
  t.equal(bad.statusCode, 400)
  const field = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(stale.body)?.[1] ?? ''
  const conflict = await browser.post(change, {
    form_token: field('form_token'),
    version: field('version'),
    name: 'mine',
  })
  t.equal(conflict.statusCode, 409, 'changed by somebody else meanwhile')
  await browser.submit(change, change, { name: 'Build server', expires: 'now' })
  t.match(textOf(await browser.get(here)), /Build server Expired/)

  const gone = await browser.submit(`${change}/delete`, `${change}/delete`, { keep_tokens: 'yes' })
  t.equal(gone.headers.location, `${here}?done=key-deleted`)
  t.equal((await listed()).length, 1)
  t.equal((await browser.get(change)).statusCode, 404)
  const { items } = await server.operations.audit.list(TESTER, 'acme', { limit: 1 })
  t.match(items, [{ action: 'service-account.delete-key', details: { keep_tokens: true } }])
})

t.test('how an account authenticates is changed on a page of its own', async (t) => {
  const { server, browser } = await signedIn(t)
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'old' })
  const here = `${LIST}/${account.clientId}`
  t.notMatch(textOf(await browser.get(here)), 'Public keys')
  const methods = `${here}/auth-methods`
  const none = await browser.submit(methods, methods)
  t.equal(none.statusCode, 400)
  t.match(textOf(none), 'auth_methods must be one or more')
  const changed = await browser.submit(methods, methods, { auth_method: 'private_key_jwt' })
  t.equal(changed.headers.location, `${here}?done=saved`)
  t.same(await server.operations.secrets.list(TESTER, 'acme', account.clientId), [])
  t.match(textOf(await browser.get(here)), 'No keys. It cannot get tokens with a key.')
  await browser.submit(methods, methods, { auth_method: 'client_secret' })
  const page = await browser.get(here)
  t.match(textOf(page), 'No secret is valid. Reset Secret makes one.')
  t.notMatch(page.body, 'rotate-secret')
})

t.test('a viewer sees keys and no forms', async (t) => {
  const { server, browser } = await signedIn(t)
  const { here } = await createWithKey(browser)
  const clientId = here.split('/').at(-1) as string
  const [key] = await server.operations.clientKeys.list(TESTER, 'acme', clientId)
  const viewer = await viewerOf(server, 'acme')
  const { body, statusCode } = await viewer.get(here)
  t.equal(statusCode, 200)
  t.match(body, key?.kid as string)
  t.notMatch(body, /\/keys\/|auth-methods/)
  for (const path of [
    'keys/add',
    `keys/${key?.thumbprint}`,
    `keys/${key?.thumbprint}/delete`,
    'auth-methods',
  ])
    t.equal((await viewer.get(`${here}/${path}`)).statusCode, 403, path)
})

t.test('the address where a service account publishes its keys is set, refused and taken away', async (t) => {
  const { server, browser } = await signedIn(t)
  const asked = { name: 'CI', authMethods: ['private_key_jwt'] }
  const { account } = await server.operations.accounts.create(TESTER, 'acme', asked)
  const here = `${LIST}/${account.clientId}`
  const form = `${here}/published-keys`
  t.match((await browser.get(here)).body, `href="${form}"`)
  const refused = await browser.submit(form, form, { jwks_uri: 'http://a.example/jwks' })
  t.equal(refused.statusCode, 400)
  t.match(textOf(refused), /must be an https URL/)
  const jwksUri = 'https://a.example/jwks'
  t.equal((await browser.submit(form, form, { jwks_uri: jwksUri })).statusCode, 303)
  t.match(textOf(await browser.get(here)), `It publishes its keys at ${jwksUri}`)
  t.equal((await browser.submit(form, form, { jwks_uri: '' })).statusCode, 303)
  t.equal((await server.operations.accounts.find(TESTER, 'acme', account.clientId)).jwksUri, undefined)
})
