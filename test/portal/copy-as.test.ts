import { parseEnv } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { adminOf, secretIn } from '../support/portal.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('a new secret is copied as .env, JSON and a Kubernetes Secret, which programs read', async (t) => {
  const server = await testServer(t)
  await server.operations.realms.create(TESTER, 'acme')
  const browser = await adminOf(server, 'acme')
  const create = '/portal/acme/service-accounts/create'
  for (const [name, kubernetes] of [
    ['CI of the Web-Shop', 'ci-of-the-web-shop-client'],
    ['🚀"\': - {x}', 'x-client'],
    ['שירות', 'client'],
    ['x'.repeat(100), `${'x'.repeat(50)}-client`],
  ] as const) {
    const page = await browser.submit(create, create, { name })
    const text = (id: string) =>
      (new RegExp(`<pre id="as-${id}"[^>]*>([\\s\\S]*?)</pre>`).exec(page.body)?.[1] ?? '').replaceAll(
        /&#(\d+);/g,
        (_, code: string) => String.fromCodePoint(Number(code)),
      )
    const [, clientId = ''] = /<code id="client-id">([^<]+)</.exec(page.body) ?? []
    const tokenUrl = 'https://auth.test/realms/acme/protocol/openid-connect/token'
    const values = { TOKEN_URL: tokenUrl, CLIENT_ID: clientId, CLIENT_SECRET: secretIn(page) }
    t.same({ ...parseEnv(text('env')) }, values)
    t.same(JSON.parse(text('json')), {
      token_url: tokenUrl,
      client_id: clientId,
      client_secret: secretIn(page),
    })
    t.same(parse(text('kubernetes')), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: kubernetes },
      type: 'Opaque',
      stringData: values,
    })
    t.match(kubernetes, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
  }
})
