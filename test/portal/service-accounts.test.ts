import pg from 'pg'
import t from 'tap'
import { type Answer, adminOf, Browser, hiddenFields, secretIn, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const CREATE = `${LIST}/create`

async function signedIn(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme', settings)
  return { server, browser: await adminOf(server, 'acme') }
}

function create(browser: Browser, name: string, description = ''): Promise<Answer> {
  return browser.submit(CREATE, CREATE, { name, description })
}

function askForToken({ app }: TestServer, clientId: string, secret: string) {
  return app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${clientId}&client_secret=${secret}`,
  })
}

const clientIdIn = ({ body }: Answer) => /sa_[0-9a-f]{30}/.exec(body)?.[0] ?? ''

t.test('a new service account is shown once with its secret, and its curl command works', async (t) => {
  const { server, browser } = await signedIn(t)
  const answer = await create(browser, 'CI', 'builds')
  t.equal(answer.statusCode, 200)
  t.match(textOf(answer), 'Copy the secret now — it cannot be retrieved again.')
  t.match(textOf(answer), `curl -X POST \\ https://auth.test/realms/acme/protocol/openid-connect/token`)
  const [clientId, secret] = [clientIdIn(answer), secretIn(answer)]
  t.equal((await askForToken(server, clientId, secret)).statusCode, 200)
  t.notMatch((await browser.get(`${LIST}/${clientId}`)).body, secret)
  t.notMatch((await browser.get(LIST)).body, secret)
  t.match(await server.operations.accounts.find(TESTER, 'acme', clientId), {
    name: 'CI',
    description: 'builds',
    roles: ['view'],
  })
  const { items } = await server.operations.audit.list(TESTER, 'acme', {
    limit: 1,
    action: 'service-account.create',
  })
  t.match(items[0]?.actor, { kind: 'portal', id: 'link of cli:tester', address: '127.0.0.1' })
  t.notOk(server.log.some((line) => line.includes(secret)))
})

t.test('a form that is sent again makes no second account and shows no secret', async (t) => {
  const { server, browser } = await signedIn(t)
  const { body } = await browser.get(CREATE)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const [, form_id = ''] = /name="form_id" value="([^"]+)"/.exec(body) ?? []
  const send = () => browser.post(CREATE, { form_token, form_id, name: 'CI' })
  const answers = await Promise.all([send(), send(), send()])
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 409, 409])
  const again = await send()
  t.match(textOf(again), 'Shown once already')
  t.equal(secretIn(again), '')
  t.equal((await server.operations.realms.find(TESTER, 'acme')).serviceAccountCount, 1)
})

t.test('a page reads everything before it makes a secret', async (t) => {
  const { server, browser } = await signedIn(t)
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, 'acme', {
    name: 'CI',
  })
  // A node that has not read the realm's keys yet, and cannot.
  const node = await testServer(t, { databaseUrl: server.databaseUrl, clock: server.clock })
  const elsewhere = new Browser(node)
  for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  await client.query('alter table signing_keys rename to gone')
  const attempts: [string, Record<string, string>][] = [
    [`${LIST}/create`, { name: 'second' }],
    [`${LIST}/${account.clientId}/reset-secret`, {}],
    [`${LIST}/${account.clientId}/rotate-secret`, { hours: '24' }],
  ]
  for (const [action, fields] of attempts)
    t.equal((await elsewhere.submit(action, action, fields)).statusCode, 503, action)
  const { items } = await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 9 })
  t.equal(items.length, 1)
  const secrets = await server.operations.secrets.list(TESTER, 'acme', account.clientId)
  t.match(secrets, [{ lastFour: clientSecret.slice(-4), expiresAt: undefined }])
  t.equal((await client.query('select * from portal_forms')).rowCount, 0, 'the forms can be sent again')
  await client.end()
})

t.test('a name that is taken or none keeps what was typed', async (t) => {
  const { browser } = await signedIn(t)
  await create(browser, 'CI')
  const taken = await create(browser, 'ci', 'the other one')
  t.equal(taken.statusCode, 409)
  t.match(textOf(taken), 'There is a service account named “ci” already.')
  t.match(taken.body, 'value="ci"')
  t.match(taken.body, 'value="the other one"')
  t.match(taken.body, 'aria-invalid="true"')
  const empty = await create(browser, '   ')
  t.equal(empty.statusCode, 400)
  t.match(textOf(empty), 'A name has 1 to 100 printable characters.')
  const long = await create(browser, 'x', 'y'.repeat(5000))
  t.equal(long.statusCode, 400)
})

t.test('an account beyond the limit is refused before and after the click', async (t) => {
  const { browser } = await signedIn(t, { serviceAccountLimit: 2 })
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec((await browser.get(CREATE)).body) ?? []
  await create(browser, 'one')
  await create(browser, 'two')
  const list = await browser.get(LIST)
  t.match(textOf(list), '2 of 2 used')
  t.match(textOf(list), 'The limit of 2 is reached')
  t.match(list.body, /<button class="primary" disabled/)
  t.match(textOf(await browser.get(CREATE)), '2 of 2 service accounts are used')
  const answer = await browser.post(CREATE, { form_token, form_id: 'another tab', name: 'three' })
  t.equal(answer.statusCode, 409)
  t.match(textOf(answer), '2 of 2 service accounts are used: the limit is reached')
})

t.test('the list finds by name, tells what is used, and goes on page by page', async (t) => {
  const { server, browser } = await signedIn(t, { serviceAccountLimit: 100 })
  t.match(textOf(await browser.get(LIST)), 'No service accounts yet')
  for (let i = 0; i < 51; i++)
    await server.operations.accounts.create(TESTER, 'acme', {
      name: `Robot ${String(i).padStart(2, '0')}`,
    })
  const first = await browser.get(LIST)
  t.match(textOf(first), '51 of 100 used')
  t.notMatch(textOf(first), 'Robot 50')
  const [, next = ''] = /href="(\?[^"]*after[^"]*)"/.exec(first.body) ?? []
  t.match(
    textOf(await browser.get(LIST + next.replaceAll('&#61;', '=').replaceAll('&#38;', '&'))),
    'Robot 50',
  )
  const found = textOf(await browser.get(`${LIST}?search=ROBOT+07`))
  t.match(found, 'Robot 07')
  t.notMatch(found, 'Robot 08')
  t.match(
    textOf(await browser.get(`${LIST}?search=x&search=nothing`)),
    'No service account has “nothing” in its name, client_id, description, owner or tags',
  )
})

t.test('Reset Secret: the old secret stops with the new one, which is shown once', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const [clientId, old] = [clientIdIn(created), secretIn(created)]
  const path = `${LIST}/${clientId}/reset-secret`
  t.match(textOf(await browser.get(path)), 'The old secret stops working as soon as the new one is issued.')
  const { body } = await browser.get(path)
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? []
  const [, form_id = ''] = /name="form_id" value="([^"]+)"/.exec(body) ?? []
  const answer = await browser.post(path, { form_token, form_id })
  t.match(textOf(answer), 'The old secret has stopped working.')
  t.equal((await askForToken(server, clientId, old)).statusCode, 401)
  t.equal((await askForToken(server, clientId, secretIn(answer))).statusCode, 200)
  const again = await browser.post(path, { form_token, form_id })
  t.equal(again.statusCode, 409)
  t.equal((await askForToken(server, clientId, secretIn(answer))).statusCode, 200)
})

t.test('a rotation with overlap is started, watched and finished', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const [clientId, old] = [clientIdIn(created), secretIn(created)]
  const here = `${LIST}/${clientId}`
  // By the clock of another node, which is behind.
  server.clock.advance(-1)
  const rotated = await browser.submit(`${here}/rotate-secret`, `${here}/rotate-secret`, { hours: '1' })
  const fresh = secretIn(rotated)
  t.match(textOf(rotated), 'The old secret goes on working')
  for (const secret of [old, fresh]) t.equal((await askForToken(server, clientId, secret)).statusCode, 200)
  const page = await browser.get(here)
  t.match(textOf(page), 'Secrets: a rotation is under way')
  t.match(textOf(page), 'ends in 1 hour')
  const finish = endOf(page, 'Finish')
  t.match(textOf(await browser.get(finish)), 'The old secret')
  const answer = await browser.submit(finish, `${finish}?end=old`)
  t.match(textOf(await browser.get(answer.headers.location as string)), 'The rotation is finished')
  t.equal((await askForToken(server, clientId, old)).statusCode, 401)
  t.equal((await askForToken(server, clientId, fresh)).statusCode, 200)
  t.equal((await browser.get(finish)).statusCode, 404)
})

t.test('a rotation is cancelled: the new secret goes, the old one stays', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const [clientId, old] = [clientIdIn(created), secretIn(created)]
  const here = `${LIST}/${clientId}`
  // By the clock of another node, which is behind.
  server.clock.advance(-1)
  const page = await browser.get(`${here}/rotate-secret`)
  const rotated = await browser.submit(`${here}/rotate-secret`, `${here}/rotate-secret`, { hours: 'forever' })
  t.match(textOf(await browser.get(here)), 'ends tomorrow')
  // From a page that was opened before.
  const third = await browser.post(`${here}/rotate-secret`, hiddenFields(page.body, `${here}/rotate-secret`))
  t.equal(third.statusCode, 409)
  t.match(textOf(third), 'A rotation is in progress')
  const cancel = endOf(await browser.get(here), 'Cancel')
  const answer = await browser.submit(cancel, `${cancel}?end=new`)
  t.match(textOf(await browser.get(answer.headers.location as string)), 'The rotation is cancelled')
  t.equal((await askForToken(server, clientId, secretIn(rotated))).statusCode, 401)
  t.equal((await askForToken(server, clientId, old)).statusCode, 200)
})

function endOf({ body }: Answer, word: string): string {
  const links = [...body.matchAll(/href="([^"]+\/secrets\/[^"]+\/delete)">([\s\S]*?)<\/a>/g)]
  return links.find(([, , text]) => text?.includes(word))?.[1] ?? ''
}

t.test('a disabled account is refused until it is enabled', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const [clientId, secret] = [clientIdIn(created), secretIn(created)]
  const here = `${LIST}/${clientId}`
  const off = await browser.submit(`${here}/disable`, `${here}/disable`)
  t.match(textOf(await browser.get(off.headers.location as string)), 'The service account is disabled')
  t.equal((await askForToken(server, clientId, secret)).statusCode, 401)
  t.match(textOf(await browser.get(LIST)), 'Disabled')
  const on = await browser.submit(here, `${here}/enable`)
  t.match(textOf(await browser.get(on.headers.location as string)), 'The service account is enabled')
  t.equal((await askForToken(server, clientId, secret)).statusCode, 200)
})

t.test('Delete is immediate, after a page that says so', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const [clientId, secret] = [clientIdIn(created), secretIn(created)]
  const here = `${LIST}/${clientId}`
  const confirm = textOf(await browser.get(`${here}/delete`))
  t.match(confirm, 'Deletion is immediate.')
  t.match(confirm, 'Any tokens minted from this service account stop working at their next validation check.')
  const answer = await browser.submit(`${here}/delete`, `${here}/delete`)
  t.match(textOf(await browser.get(answer.headers.location as string)), 'The service account is deleted.')
  t.equal((await askForToken(server, clientId, secret)).statusCode, 401)
  const gone = await browser.get(here)
  t.equal(gone.statusCode, 404)
  t.match(textOf(gone), 'has no service account')
})

t.test('name and description are changed, unless somebody else changed them meanwhile', async (t) => {
  const { browser } = await signedIn(t)
  const here = `${LIST}/${clientIdIn(await create(browser, 'CI'))}`
  await create(browser, 'Backup')
  const stale = (await browser.get(here)).body
  const saved = await browser.submit(here, here, { name: 'Pipeline', description: 'main' })
  t.match(textOf(await browser.get(saved.headers.location as string)), 'Saved.')
  const [, form_token = ''] = /name="form_token" value="([^"]+)"/.exec(stale) ?? []
  const late = await browser.post(here, { form_token, version: '1', name: 'Mine', description: '' })
  t.equal(late.statusCode, 409)
  t.match(textOf(late), 'Another administrator changed')
  const taken = await browser.submit(here, here, { name: 'backup', description: '' })
  t.equal(taken.statusCode, 409)
  t.match(taken.body, 'value="backup"')
  const none = await browser.submit(here, here, { name: '', description: '' })
  t.equal(none.statusCode, 400)
})

t.test('last use and its circumstances are told', async (t) => {
  const { server, browser } = await signedIn(t)
  const created = await create(browser, 'CI')
  const clientId = clientIdIn(created)
  t.match(textOf(await browser.get(`${LIST}/${clientId}`)), 'Last used Never')
  await askForToken(server, clientId, secretIn(created))
  await server.operations.uses.write()
  server.clock.advance(120)
  const page = await browser.get(`${LIST}/${clientId}`)
  t.match(textOf(page), /Last used 2 minutes ago [\d-]+ [\d:]+ UTC from 127.0.0.1, scope view/)
  t.match(page.body, /<time datetime="[\d-]+T[\d:.]+Z" title="[\d-]+ [\d:]+ UTC">2 minutes ago<\/time>/)
})

t.test(
  'an account whose secret leaked says so, and Reset Secret mends it; the audit trail says where it was',
  async (t) => {
    const { server, browser } = await signedIn(t)
    const created = await create(browser, 'CI')
    const here = `${LIST}/${clientIdIn(created)}`
    const url = 'https://code.example/x.env'
    const report = { token: secretIn(created), url, source: 'content' }
    await server.operations.leakedSecrets.report('acme', [report], '192.0.2.1')
    t.match(textOf(await browser.get(here)), 'No secret is valid. Reset Secret makes one.')
    const trail = await browser.get('/portal/acme/audit')
    t.match(textOf(trail), 'Leaked secret reported')
    t.match(trail.body, url)
    const reset = await browser.submit(`${here}/reset-secret`, `${here}/reset-secret`)
    t.equal((await askForToken(server, clientIdIn(created), secretIn(reset))).statusCode, 200)
    t.notMatch(textOf(await browser.get(here)), 'No secret is valid')
  },
)

t.test('a secret that is still the hash of another server is marked, and counted in the list', async (t) => {
  const { server, browser } = await signedIn(t)
  const hash = 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA='
  const line = { client_id: 'moved', name: 'Moved', secret_hash: hash }
  await server.operations.accounts.import(TESTER, 'acme', [line])
  t.match(textOf(await browser.get(LIST)), /since they were not used here: 1/)
  t.match(
    textOf(await browser.get(`${LIST}/moved`)),
    /It still has the hash that it was imported with \(sha256\)/,
  )
  t.equal((await askForToken(server, 'moved', 'kX8-vq2W_tR7nPz4mB')).statusCode, 200)
  t.notMatch(textOf(await browser.get(LIST)), /not used here/)
  t.notMatch(textOf(await browser.get(`${LIST}/moved`)), /that it was imported with/)
})
