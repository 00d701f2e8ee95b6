import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { adminOf } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const DOCS_URL = 'https://docs.test/mintmark'
const PAGES = ['service-accounts', 'trusted-issuers', 'keys', 'audit', 'try-it']

async function pages(t: Parameters<typeof testServer>[0], settings = {}): Promise<string[]> {
  const server = await testServer(t, settings)
  await server.operations.realms.create(TESTER, 'acme', {})
  const browser = await adminOf(server, 'acme')
  return Promise.all(PAGES.map(async (page) => (await browser.get(`/portal/acme/${page}`)).body))
}

t.test('each page has a help link to an existing page of the documentation', async (t) => {
  for (const body of await pages(t, { docsUrl: DOCS_URL })) {
    const [, page] = new RegExp(`href="${DOCS_URL}/(docs/[a-z-]+)\\.html" target="_blank"`).exec(body) ?? []
    t.ok(page && existsSync(join(import.meta.dirname, '../..', `${page}.md`)), String(page))
  }
})

t.test('without DOCS_URL there is no help link', async (t) => {
  for (const body of await pages(t)) t.notMatch(body, 'Help</a>')
})
