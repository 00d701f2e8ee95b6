import t from 'tap'
import { everyPage, furnish } from '../support/every-page.ts'
import { sweep } from './clipped.ts'
import { enterAsPlatformAdmin, portal, signedIn } from './support.ts'

/** Pages that a query makes another page of. */
const MORE = [
  'permissions?find=edge',
  'workload-identities/add?issuer=',
  'trusted-issuers/add?preset=kubernetes',
]

t.test('nothing is clipped and no name is broken within a word, on every page at every width', async (t) => {
  const it = await portal(t)
  const furnished = await furnish(it.server)
  const pages = await everyPage(it.server, furnished)
  t.ok(pages.length > 30, `${pages.length} pages`)
  const issuer = furnished['trusted-issuers']
  const more = MORE.map((end) => {
    const [path = '', query = ''] = end.split('?')
    const page = pages.find((one) => one.endsWith(`/${path}`)) as string
    return `${page}?${query}${query.endsWith('=') ? issuer : ''}`
  })
  more.push(`/portal/acme/service-accounts/${furnished['leaked']}`)
  const page = await signedIn(t, it)
  await enterAsPlatformAdmin(page, it)
  const seen = new Set<string>()
  for (const path of [...pages, ...more]) {
    const answer = await page.goto(it.publicUrl + path)
    const status = answer?.status() ?? 0
    t.match(String(status), /^(200|405)$/, path)
    // Several addresses lead to one page, and one page answers for those that take forms alone.
    const shown = status === 405 ? '405' : page.url()
    if (seen.has(shown)) continue
    seen.add(shown)
    t.same(await sweep(page), [], path)
  }
})
