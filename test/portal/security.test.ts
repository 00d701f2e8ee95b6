import pg from 'pg'
import t from 'tap'
import { adminOf, Browser, hiddenFields, textOf, viewerOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'

async function withAccount(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const { account } = await server.operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  return { server, here: `${LIST}/${account.clientId}`, clientId: account.clientId }
}

async function rowsOf({ databaseUrl }: TestServer, statement: string): Promise<unknown[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  const { rows } = await client.query(statement)
  await client.end()
  return rows
}

t.test('every page forbids framing, foreign content, inline script and keeping a copy', async (t) => {
  const { server, here } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const paths = [
    LIST,
    `${LIST}/create`,
    here,
    `${here}/permissions`,
    `${here}/reset-secret`,
    `${here}/rotate-secret`,
    `${here}/disable`,
    `${here}/delete`,
    '/portal/acme/keys',
    '/portal/acme/keys/rotate',
    '/portal/acme/keys/kid/revoke',
    '/portal/acme/audit',
    '/portal/acme/try-it',
    '/portal/acme/sign-in',
    '/portal/acme/nothing',
    '/portal/_assets/nothing',
  ]
  for (const path of paths) {
    const { headers, body, statusCode } = await browser.get(path)
    t.match(statusCode, /nothing$|\/kid\//.test(path) ? 404 : 200, path)
    t.equal(
      headers['content-security-policy'],
      "default-src 'none';style-src 'self';script-src 'self';img-src 'self';font-src 'self';connect-src 'self';" +
        "form-action 'self';frame-ancestors 'none';base-uri 'none'",
    )
    t.match(headers, {
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    })
    t.notMatch(body, /<script>|<style|style=|onclick=|javascript:/, `${path} has nothing inline`)
  }
})

t.test('assets are cacheable forever, since their names change with their content', async (t) => {
  const { server } = await withAccount(t)
  const browser = new Browser(server)
  const { body } = await browser.get('/portal')
  const assets = [...body.matchAll(/(?:href|src)="(\/portal\/_assets\/[^"]+)"/g)].map(
    ([, path]) => path as string,
  )
  t.ok(assets.length >= 3)
  for (const path of assets) {
    const answer = await browser.get(path)
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
  const style = await browser.get(assets.find((path) => path.endsWith('.css')) as string)
  const [, font = ''] = /url\((\/portal\/_assets\/[^)]+latin-wght-normal\.woff2)\)/.exec(style.body) ?? []
  t.equal((await browser.get(font)).headers['content-type'], 'font/woff2')
})

t.test('a form from another site does nothing, whatever it carries', async (t) => {
  const { server, here, clientId } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const fields = hiddenFields((await browser.get(`${here}/delete`)).body, `${here}/delete`)
  const foreign: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': '', origin: 'https://evil.test' },
    { 'sec-fetch-site': '', origin: 'null' },
  ]
  for (const { 'sec-fetch-site': site, origin } of foreign) {
    const headers = { ...(site !== '' && { 'sec-fetch-site': site as string }), ...(origin && { origin }) }
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await server.app.inject({
      method: 'POST',
      url: `${here}/delete`,
      payload: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', cookie, ...headers },
    })
    t.equal(answer.statusCode, 403)
    t.match(textOf(answer), 'sent from another site')
  }
  const { url } = await server.operations.portal.createLink(TESTER, 'acme')
  const code = url.split('#')[1] as string
  const signIn = await new Browser(server).post(
    '/portal/acme/sign-in',
    { code },
    { 'sec-fetch-site': 'cross-site' },
  )
  t.equal(signIn.statusCode, 403)
  t.equal((await server.operations.accounts.find(TESTER, 'acme', clientId)).name, 'CI')
})

t.test('a form of an old browser counts by its Origin, and without one by its token', async (t) => {
  const { server, here } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const fields = hiddenFields((await browser.get(`${here}/disable`)).body, `${here}/disable`)
  for (const origin of ['https://auth.test', 'http://localhost:80', undefined]) {
    const answer = await server.app.inject({
      method: 'POST',
      url: `${here}/disable`,
      payload: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        cookie,
        host: 'localhost:80',
        ...(origin !== undefined && { origin }),
      },
    })
    t.equal(answer.statusCode, 303, origin ?? 'no Origin')
  }
})

t.test('a form without the token of the session does nothing', async (t) => {
  const { server, here, clientId } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const another = await adminOf(server, 'acme')
  const theirs = hiddenFields((await another.get(`${here}/delete`)).body, `${here}/delete`)
  for (const fields of [{}, { form_token: '' }, { form_token: 'x' }, theirs]) {
    const answer = await browser.post(`${here}/delete`, fields)
    t.equal(answer.statusCode, 403)
    t.match(textOf(answer), 'not one of this session')
  }
  t.equal((await server.operations.accounts.find(TESTER, 'acme', clientId)).name, 'CI')
})

t.test('a viewer sees every page, is offered no change, and is refused one that they attempt', async (t) => {
  const { server, here, clientId } = await withAccount(t)
  const viewer = await viewerOf(server, 'acme')
  const [, formToken = ''] = /name="form_token" value="([^"]+)"/.exec((await viewer.get(LIST)).body) ?? []
  for (const path of [
    LIST,
    here,
    `${here}/permissions`,
    '/portal/acme/keys',
    '/portal/acme/audit',
    '/portal/acme/try-it',
  ]) {
    const answer = await viewer.get(path)
    t.equal(answer.statusCode, 200, path)
    t.match(answer.body, 'Viewer, read only')
    const actions = [...answer.body.matchAll(/<form method="post" action="([^"]+)"/g)].map(
      ([, action]) => action,
    )
    t.strictSame(
      actions.filter((action) => !/sign-out|try-it/.test(action as string)),
      [],
      path,
    )
    t.notMatch(answer.body, /href="[^"]*\/(create|reset-secret|rotate-secret|delete|disable|rotate|revoke)"/)
  }
  for (const path of [
    `${LIST}/create`,
    `${here}/reset-secret`,
    `${here}/rotate-secret`,
    `${here}/secrets/1/delete`,
    `${here}/disable`,
    `${here}/delete`,
    '/portal/acme/keys/rotate',
    '/portal/acme/keys/kid/revoke',
  ]) {
    const answer = await viewer.get(path)
    t.equal(answer.statusCode, 403, path)
    t.notMatch(answer.body, '<form method="post" action="/portal/acme/service-accounts')
  }
  const attempts = [
    `${LIST}/create`,
    here,
    `${here}/reset-secret`,
    `${here}/rotate-secret`,
    `${here}/disable`,
    `${here}/enable`,
    `${here}/delete`,
    `${here}/permissions/roles`,
    `${here}/permissions/grants/add`,
    `${here}/permissions/grants/remove`,
    '/portal/acme/keys/rotate',
    '/portal/acme/keys/kid/revoke',
  ]
  for (const path of attempts) {
    const form = { form_token: formToken, form_id: path, name: 'x', role: 'manage', version: '1' }
    const answer = await viewer.post(path, form)
    t.equal(answer.statusCode, 403, path)
    t.match(textOf(answer), 'Requires the account-admin role of the realm.')
  }
  t.match(await server.operations.accounts.find(TESTER, 'acme', clientId), {
    name: 'CI',
    disabledAt: undefined,
  })
  t.same(await rowsOf(server, 'select * from portal_forms'), [], 'nothing of their forms is kept')
  const { items } = await server.operations.audit.list(TESTER, 'acme', { limit: 50, actor: 'vera' })
  t.ok(items.length >= attempts.length - 1)
  t.ok(items.every(({ outcome, actor }) => outcome === 'refused' && actor.kind === 'portal'))
})

t.test('a demoted person’s next request is refused', async (t) => {
  const { server, here } = await withAccount(t)
  const browser = await viewerOf(server, 'acme')
  t.notMatch((await browser.get(here)).body, 'Reset Secret')
})

t.test('names render harmlessly everywhere, the audit trail too', async (t) => {
  const { server } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const names = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    '🚀'.repeat(50),
    'שירות גיבוי',
    '&amp; &lt;',
  ]
  for (const name of names) {
    const created = await browser.submit(`${LIST}/create`, `${LIST}/create`, { name, description: name })
    t.equal(created.statusCode, 200, name)
    await browser.submit(`${LIST}/create`, `${LIST}/create`, { name })
  }
  const { items } = await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 50 })
  const pages = [LIST, '/portal/acme/audit', ...items.map(({ clientId }) => `${LIST}/${clientId}`)]
  for (const page of pages) {
    const { body } = await browser.get(page)
    t.notMatch(body, /<script>alert|<img src=x/)
  }
  const [list, audit] = [await browser.get(LIST), await browser.get('/portal/acme/audit')].map(textOf)
  for (const name of names) {
    t.ok(list?.includes(name), `${name} in the list`)
    t.ok(audit?.includes(name), `${name} in the audit trail`)
  }
})

t.test('an unreadable or oversized form is refused with a page', async (t) => {
  const { server } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const json = await browser.post(`${LIST}/create`, {}, { 'content-type': 'application/json' })
  t.equal(json.statusCode, 415)
  t.match(textOf(json), 'could not be read')
  const large = await browser.post(`${LIST}/create`, { name: 'x'.repeat(70_000) })
  t.equal(large.statusCode, 413)
})

t.test('the portal reports a missing database, and works again once it is back', async (t) => {
  const { server } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  const restore = await server.cutDatabase()
  const answer = await browser.get(LIST)
  t.equal(answer.statusCode, 503)
  t.match(textOf(answer), 'The database is away')
  t.match(textOf(answer), 'Nothing can be shown at the moment.')
  t.equal(answer.headers['retry-after'], '5')
  await restore()
  t.equal((await browser.get(LIST)).statusCode, 200)
})

t.test(
  'whoever changes something as the database goes away is told to look before they repeat it',
  async (t) => {
    const { server, here } = await withAccount(t)
    const browser = await adminOf(server, 'acme')
    const fields = hiddenFields((await browser.get(`${here}/disable`)).body, `${here}/disable`)
    // From here it looks as a commit does whose answer was lost.
    await rowsOf(
      server,
      `create function break_off() returns trigger language plpgsql as
       $$ begin raise exception using errcode = '57P01', message = 'stopping'; end $$;
     create constraint trigger break_off after update on service_accounts deferrable initially deferred
       for each row execute function break_off()`,
    )
    const answer = await browser.post(`${here}/disable`, fields)
    t.equal(answer.statusCode, 503)
    t.match(textOf(answer), 'Your change may have been made: check before you try again.')
  },
)

t.test('a fault of ours says nothing of itself to the browser, and all to the log', async (t) => {
  const { server } = await withAccount(t)
  const browser = await adminOf(server, 'acme')
  await rowsOf(server, 'alter table service_accounts add constraint no_more check (false) not valid')
  const answer = await browser.submit(`${LIST}/create`, `${LIST}/create`, { name: 'x' })
  t.equal(answer.statusCode, 500)
  t.match(textOf(answer), 'This is a fault of the server')
  t.notMatch(answer.body, 'no_more')
  t.ok(server.log.some((line) => line.includes('"msg":"fault"') && line.includes('no_more')))
})

t.test('a form without anything in it is refused, not misread', async (t) => {
  const { server } = await withAccount(t)
  const answer = await server.app.inject({ method: 'POST', url: '/portal/acme/sign-in' })
  t.equal(answer.statusCode, 403)
})
