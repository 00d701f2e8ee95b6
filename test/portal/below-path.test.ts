import t from 'tap'
import { Browser } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'below a path of PUBLIC_URL every link, form, redirect and asset of the portal is there',
  async (t) => {
    const server = await testServer(t, { publicUrl: 'https://corp.test/auth' })
    await server.operations.realms.create(TESTER, 'acme')
    const { url } = await server.operations.portal.createLink(TESTER, 'acme')
    const link = new URL(url)
    t.equal(link.pathname, '/auth/portal/acme/sign-in')
    const browser = new Browser(server)
    const signIn = await browser.get(link.pathname)
    t.equal(signIn.statusCode, 200)
    const signedIn = await browser.post(link.pathname, { code: link.hash.slice(1) })
    t.equal(signedIn.statusCode, 303)
    const home = signedIn.headers['location'] as string
    t.match(home, /^\/auth\/portal\/acme/)
    const seen = new Set<string>([home])
    const queue = [home]
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const page = await browser.get(path)
      t.ok(page.statusCode < 400, `${page.statusCode} ${path}`)
      const addresses = [
        ...page.body.matchAll(/(?:href|src|data-settle-at)="(\/[^"#]*)|url\(["']?(\/[^"')]*)/g),
      ]
      for (const [, attribute, style] of addresses) {
        const address = (attribute ?? style) as string
        t.match(address, /^\/auth\/portal/, `${address} on ${path}`)
        if (!seen.has(address) && !address.includes('&')) queue.push(address)
        seen.add(address)
      }
      for (const [, action] of page.body.matchAll(/action="(\/[^"]*)"/g))
        t.match(action, /^\/auth\/portal(\/|$)/)
    }
    t.ok([...seen].some((address) => address.includes('/_assets/')))
    t.match([...seen].join(), '/auth/portal/acme/service-accounts/create')
    // A text that looks like an attribute is a text.
    const form = { name: '="/portal/x', description: '' }
    const made = await browser.submit(
      '/auth/portal/acme/service-accounts/create',
      '/auth/portal/acme/service-accounts/create',
      form,
    )
    t.equal(made.statusCode, 200)
    t.notMatch(made.body, '="/portal')
  },
)
