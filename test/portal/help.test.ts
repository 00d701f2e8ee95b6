import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { everyPage, furnish } from '../support/every-page.ts'
import { adminOf, type Browser, enterAsPlatformAdmin } from '../support/portal.ts'
import { TESTER, type TestServer, testServer } from '../support/server.ts'

const DOCS_URL = 'https://docs.test/mintmark'
/** As GitHub and the site make them. */
const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')

interface Shown {
  readonly path: string
  readonly body: string
}

async function place(t: Parameters<typeof testServer>[0], settings = {}) {
  const server = await testServer(t, settings)
  await server.operations.realms.create(TESTER, 'acme', {})
  const furnished = await furnish(server)
  const browser = await adminOf(server, 'acme')
  await enterAsPlatformAdmin(server, browser)
  return { furnished, pages: await pagesOf(server, browser, furnished) }
}

/** All that have the navigation. */
async function pagesOf(server: TestServer, browser: Browser, furnished: Record<string, string>) {
  const pages: Shown[] = []
  for (const path of await everyPage(server, furnished)) {
    const { body } = await browser.get(path)
    if (body.includes('aria-label="Settings"')) pages.push({ path, body })
  }
  return pages
}

/** Page of the documentation and heading. */
function helpIn({ body }: Shown): string | undefined {
  const [, page, heading] =
    new RegExp(`href="${DOCS_URL}/docs/([a-z-]+)\\.html(#[a-z-]+)?" target="_blank"`).exec(body) ?? []
  return page && `${page}${heading ?? ''}`
}

t.test('each page has a help link to a heading of the documentation that is there', async (t) => {
  const { pages, furnished } = await place(t, { docsUrl: DOCS_URL })
  t.ok(pages.length > 40, `${pages.length} pages`)
  for (const page of pages) {
    const [name, heading] = helpIn(page)?.split('#') ?? []
    const text = readFileSync(join(import.meta.dirname, '../../docs', `${name}.md`), 'utf8')
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, said]) => slugOf(said as string))
    t.ok(heading === undefined || headings.includes(heading), `${page.path}: ${name} ${heading}`)
  }

  await t.test('the tabs and pages of an account each lead to their own', async (t) => {
    const account = `/portal/acme/service-accounts/${furnished['service-accounts']}`
    const of = (end: string) => {
      const page = pages.find(({ path }) => path === account + end)
      return page && helpIn(page)
    }
    t.equal(of(''), 'portal#service-accounts')
    t.equal(of('/activity'), 'portal#activity-people-and-settings')
    t.equal(of('/permissions'), 'roles-and-grants')
    t.equal(of('/claims'), 'claims#what-a-claim-says')
    t.equal(of('/workload-identities'), 'workload-identity#workload-identities')
    t.equal(of('/limits'), 'administer#limits-of-an-account')
    t.equal(of('/keys/add'), 'client-keys#rotate-a-key-without-a-gap')
    t.equal(of('/auth-methods'), 'client-keys#how-an-account-may-authenticate')
    t.equal(of('/reset-secret'), 'get-a-token#change-a-secret-without-a-gap')
  })
})

t.test('without DOCS_URL there is no help link', async (t) => {
  for (const { body } of (await place(t)).pages) t.notMatch(body, 'Help</a>')
})
