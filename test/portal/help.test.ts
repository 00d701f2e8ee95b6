import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { adminOf, enterAsPlatformAdmin } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

const DOCS_URL = 'https://docs.test/mintmark'
/** As GitHub and the site make them. */
const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-')

async function pages(t: Parameters<typeof testServer>[0], settings = {}): Promise<string[]> {
  const server = await testServer(t, settings)
  await server.operations.realms.create(TESTER, 'acme', {})
  const browser = await adminOf(server, 'acme')
  await enterAsPlatformAdmin(server, browser)
  const { body } = await browser.get('/portal/system/realms')
  // Each section of the navigation, so that a new one is among them by itself.
  const sections = [...body.matchAll(/href="(\/portal\/system\/[a-z-]+)"/g)].map(([, path]) => path as string)
  t.ok(new Set(sections).size >= 10, sections.join())
  return Promise.all([...new Set(sections)].map(async (path) => (await browser.get(path)).body))
}

t.test('each section has a help link to a heading of the documentation that is there', async (t) => {
  for (const body of await pages(t, { docsUrl: DOCS_URL })) {
    const link = new RegExp(`href="${DOCS_URL}/(docs/[a-z-]+)\\.html(?:#([a-z-]+))?" target="_blank"`)
    const [, page, heading] = link.exec(body) ?? []
    const text = readFileSync(join(import.meta.dirname, '../..', `${page}.md`), 'utf8')
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, said]) => slugOf(said as string))
    t.ok(heading === undefined || headings.includes(heading), `${page} ${heading}`)
  }
})

t.test('without DOCS_URL there is no help link', async (t) => {
  for (const body of await pages(t)) t.notMatch(body, 'Help</a>')
})
