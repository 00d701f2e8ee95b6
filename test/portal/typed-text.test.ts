import t, { type Test } from 'tap'
import { everyPage, furnish } from '../support/every-page.ts'
import { type Answer, adminOf, type Browser, hiddenFields, textOf } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const LIST = '/portal/acme/service-accounts'
const MARK = 'typed é <b> "quoted" 7f3a'

interface Form {
  readonly page: string
  readonly action: string
  readonly hidden: Record<string, string>
  /** What somebody fills in: a text that is found again, or another choice than the present one. */
  readonly typed: Record<string, string>
  readonly secret: readonly string[]
}

const unescaped = (text: string) =>
  text.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))

/** The forms of a page that change something, and in which something is filled in. */
function formsIn(page: string, body: string): Form[] {
  return [...body.matchAll(/<form method="post" action="([^"]*)"[\s\S]*?<\/form>/g)].flatMap(
    ([form, to = '']) => {
      const typed: Record<string, string> = {}
      const secret: string[] = []
      for (const [tag] of form.matchAll(/<(input|textarea)\b[^>]*>/g)) {
        const name = / name="([^"]*)"/.exec(tag)?.[1] ?? ''
        // No page can fill in a file.
        if (/type="(hidden|file)"/.test(tag)) continue
        if (/type="(checkbox|radio)"/.test(tag))
          typed[name] = unescaped(/ value="([^"]*)"/.exec(tag)?.[1] ?? '')
        else if (/type="password"/.test(tag) || /(token|secret)$/.test(name)) secret.push(name)
        else typed[name] = MARK
      }
      const action = unescaped(to)
      const hidden = hiddenFields(body, action)
      return Object.keys(typed).length > 0 ? [{ page, action, hidden, typed, secret }] : []
    },
  )
}

/** Whether the page has the typed value: in a field, or as the choice that is made. */
function holds({ body }: Answer, name: string, value: string): boolean {
  const text = unescaped(body)
  if (text.includes(`>\n${value}</textarea>`)) return true
  const tags = text.match(/<input\b[^\n]*?>(?=<|\n|$)/g) ?? []
  return (
    text.includes(`name="${name}"`) &&
    (text.includes(`value="${value}"`) || tags.some((tag) => tag.includes(value)))
  )
}

async function acme(t: Test) {
  const server = await testServer(t, { trustProxy: 1 })
  await server.operations.realms.create(TESTER, 'acme')
  return server
}

async function everyForm(server: TestServer, browser: Browser): Promise<Form[]> {
  const pages = await everyPage(server, await furnish(server))
  const found = new Map<string, Form>()
  for (const page of [...pages, '/portal/acme/trusted-issuers/add?preset=kubernetes']) {
    const answer = await browser.get(page)
    if (answer.statusCode !== 200) continue
    for (const form of formsIn(page, answer.body))
      if (!form.action.endsWith('/sign-in')) found.set(form.action, form)
  }
  return [...found.values()]
}

function send(browser: Browser, { action, hidden, typed, secret }: Form, more: Record<string, string> = {}) {
  const secrets = Object.fromEntries(secret.map((name) => [name, 'do-not-keep-me']))
  return browser.post(action, { ...hidden, ...typed, ...secrets, ...more })
}

let signIns = 0

async function again(t: Test, server: TestServer, browser: Browser): Promise<void> {
  const { url } = await server.operations.portal.createLink(TESTER, 'acme')
  // Each from elsewhere: one address may try few times a minute.
  const from = { 'x-forwarded-for': `2001:db8:${(++signIns).toString(16)}::1` }
  const answer = await browser.post('/portal/acme/sign-in', { code: url.split('#')[1] as string }, from)
  t.equal(answer.statusCode, 303)
}

t.test('what was typed into any form survives signing in again, but for secrets', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  const forms = await everyForm(server, browser)
  t.ok(forms.length >= 10, forms.map(({ action }) => action).join())
  for (const form of forms) {
    await server.operations.portal.endSessions(TESTER, 'acme', undefined)
    const out = await send(browser, form)
    t.equal(out.statusCode, 401, form.action)
    t.notMatch(out.body, 'do-not-keep-me')
    const [, signIn = ''] = /class="button primary" href="([^"]*)"/.exec(out.body) ?? []
    const next = new URL(unescaped(signIn), 'http://x').searchParams.get('next') ?? ''
    t.equal(next, form.page)
    await again(t, server, browser)
    const back = await browser.get(next)
    t.equal(back.statusCode, 200, next)
    t.match(textOf(back), 'You were signed out before this was sent')
    for (const [name, value] of Object.entries(form.typed))
      t.ok(holds(back, name, value), `${form.action} ${name}`)
    t.notMatch(back.body, 'do-not-keep-me')
    t.notMatch(textOf(await browser.get(next)), 'You were signed out', 'it is shown once')
  }
})

t.test('a form of a session before comes back with what was typed, and is not sent', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  for (const form of await everyForm(server, browser)) {
    const answer = await send(browser, form, { form_token: 'of another session' })
    t.equal(answer.statusCode, 403, form.action)
    t.match(textOf(answer), 'nothing was done')
    for (const [name, value] of Object.entries(form.typed))
      t.ok(holds(answer, name, value), `${form.action} ${name}`)
    t.not(hiddenFields(answer.body, form.action)['form_token'], 'of another session')
  }
})

t.test('while the database is away, every form comes back as a form that can be sent again', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  const forms = await everyForm(server, browser)
  const restore = await server.cutDatabase()
  for (const form of forms) {
    const answer = await send(browser, form)
    t.equal(answer.statusCode, 503, form.action)
    for (const [name, value] of Object.entries(form.typed))
      t.ok(holds(answer, name, value), `${form.action} ${name}`)
    t.notMatch(answer.body, 'do-not-keep-me')
  }
  await restore()
  const form = forms.find(({ action }) => action.endsWith('/create')) as Form
  const created = await browser.post(form.action, { ...form.hidden, name: 'After the outage' })
  t.match(textOf(created), 'After the outage')
})

t.test(
  'a form that somebody else was faster with shows who, when and what beside it, and saves all the same',
  async (t) => {
    const server = await acme(t)
    const browser = await adminOf(server, 'acme')
    const { account } = await server.operations.accounts.create(TESTER, 'acme', {
      name: 'CI',
      description: 'old',
    })
    const { clientId } = account
    const here = `${LIST}/${clientId}`
    const versioned = async (page: string, action: string) =>
      hiddenFields((await browser.get(page)).body, action)
    const mine = await versioned(here, here)
    const roles = await versioned(`${here}/permissions`, `${here}/permissions/roles`)
    await server.operations.accounts.update(TESTER, 'acme', clientId, {
      name: 'Theirs',
      description: 'theirs',
    })
    server.clock.advance(120)

    const conflict = await browser.post(here, { ...mine, name: 'Mine', description: 'old' })
    t.equal(conflict.statusCode, 409)
    const told = textOf(conflict)
    t.match(told, 'Nothing was saved: another administrator changed it meanwhile.')
    t.match(told, /Last change: tester , 2 minutes ago \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)/)
    t.match(told, /Name Theirs Mine/)
    t.match(told, /Description theirs old/)
    t.match(told, 'Save mine anyway')
    t.match(told, 'Overview', 'with its tabs')
    t.match(conflict.body, 'value="Mine"')
    const saved = await browser.post(here, {
      ...hiddenFields(conflict.body, here),
      name: 'Mine',
      description: 'old',
    })
    t.equal(saved.statusCode, 303)
    t.match(await server.operations.accounts.find(TESTER, 'acme', clientId), {
      name: 'Mine',
      description: 'old',
    })

    const ticks = new URLSearchParams(roles)
    for (const role of ['view', 'manage']) ticks.append('role', role)
    const other = await browser.post(`${here}/permissions/roles`, ticks)
    t.equal(other.statusCode, 409)
    t.match(other.body, /value="manage"[^>]* checked/)
    t.match(textOf(other), 'Save mine anyway')
  },
)

t.test('a refused edit keeps its page, and an account that is gone leaves what was typed', async (t) => {
  const server = await acme(t)
  const browser = await adminOf(server, 'acme')
  for (const name of ['CI', 'Backup']) await server.operations.accounts.create(TESTER, 'acme', { name })
  const { items } = await server.operations.accounts.list(TESTER, 'acme', { after: '', limit: 2 })
  const here = `${LIST}/${items[0]?.clientId}`
  const hidden = hiddenFields((await browser.get(here)).body, here)
  const taken = await browser.post(here, { ...hidden, name: 'CI', description: MARK })
  t.equal(taken.statusCode, 409)
  t.match(textOf(taken), /Overview.*Permissions/)
  t.match(taken.body, `data-settle-at="${here}"`)
  t.ok(holds(taken, 'description', MARK))
  const none = await browser.post(here, { ...hidden, name: '', description: MARK })
  t.equal(none.statusCode, 400)
  t.match(none.body, 'aria-invalid="true"')
  await server.operations.accounts.delete(TESTER, 'acme', items[0]?.clientId as string)
  const gone = await browser.post(here, { ...hidden, name: 'New name', description: MARK })
  t.equal(gone.statusCode, 404)
  t.match(textOf(gone), MARK)
  t.match(textOf(gone), 'New name')
})
