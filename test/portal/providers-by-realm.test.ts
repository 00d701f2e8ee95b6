import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CLIENT_ID, CLIENT_SECRET, identityProvider } from '../support/identity-provider.ts'
import { type Answer, Browser, textOf } from '../support/portal.ts'
import { temporaryFolder } from '../support/process.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

// A realm's name is its provider's port: that makes the issuers differ.
const ISSUER = 'http://localhost:{realm}'

const callbackOf = (realm: string | number) => `${PUBLIC_URL}/portal/${realm}/callback`

/** A provider of somebody who wants codes and secrets of other providers. */
async function evilProvider(t: Test) {
  const requests: { readonly authorization: string | undefined; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('')
    if (request.url === '/token') requests.push({ authorization: request.headers.authorization, body })
    const found = request.url === '/.well-known/openid-configuration'
    response.writeHead(found ? 200 : 400, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ? metadata : { error: 'invalid_grant' }))
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
  }
  return { realm: new URL(issuer).port, issuer, requests }
}

async function twoProviders(t: Test) {
  const evil = await evilProvider(t)
  const provider = await identityProvider(t, { redirectUri: callbackOf })
  const honest = { ...provider, realm: new URL(provider.issuer).port, provider }
  const secrets = temporaryFolder(t)
  writeFileSync(join(secrets, honest.realm), `${CLIENT_SECRET}\n`)
  writeFileSync(join(secrets, evil.realm), 'what evil knows anyway')
  const server = await testServer(t, {
    singleSignOn: {
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: undefined,
      clientSecretFile: join(secrets, '{realm}'),
      scope: 'openid profile email',
      accessClaim: 'roles',
      adminValue: 'admin',
      viewerValue: undefined,
    },
  })
  for (const { realm } of [honest, evil]) await server.operations.realms.create(TESTER, realm)
  provider.claims = { name: 'Victim', roles: ['admin'] }
  return { server, honest, evil, secrets }
}

const begin = async (browser: Browser, realm: string) =>
  new URL((await browser.get(`/portal/${realm}/sign-in/sso`)).headers.location as string)

const comeBack = (browser: Browser, back: URL): Promise<Answer> => browser.get(back.pathname + back.search)

t.test('each realm has a callback and a client secret of its own', async (t) => {
  const { server, honest, evil } = await twoProviders(t)
  const browser = new Browser(server)
  const away = await begin(browser, honest.realm)
  t.equal(away.searchParams.get('redirect_uri'), callbackOf(honest.realm))
  const back = new URL(await honest.provider.signIn(away.href))
  const signedIn = await comeBack(browser, back)
  t.equal(signedIn.headers.location, `/portal/${honest.realm}/service-accounts`)
  t.equal((await browser.get(signedIn.headers.location as string)).statusCode, 200)

  const state = (await begin(browser, evil.realm)).searchParams.get('state')
  const query = new URLSearchParams({ code: 'x', state: state as string, iss: evil.issuer })
  t.equal((await browser.get(`/portal/${evil.realm}/callback?${query}`)).statusCode, 403)
  const [asked] = evil.requests
  const sent = Buffer.from(asked?.authorization?.split(' ')[1] ?? '', 'base64').toString()
  t.match(sent, encodeURIComponent('what evil knows anyway').replaceAll('%20', '+'))
  t.notMatch(JSON.stringify(evil.requests), CLIENT_SECRET.replaceAll(' ', '+'))
})

t.test('a code of one provider is never sent to the provider of another realm', async (t) => {
  const { server, honest, evil } = await twoProviders(t)
  const attackers = await begin(new Browser(server), honest.realm)
  const changes: readonly ((back: URL) => void)[] = [
    () => {},
    (back) => back.searchParams.delete('iss'),
    (back) => {
      back.pathname = `/portal/${evil.realm}/callback`
    },
    (back) => {
      back.pathname = `/portal/${evil.realm}/callback`
      back.searchParams.delete('iss')
    },
    (back) => {
      back.pathname = '/portal/_callback'
    },
  ]
  for (const change of changes) {
    const victim = new Browser(server)
    // The evil provider sends its visitor on to the honest one, with what the attacker was sent there with.
    const { searchParams } = await begin(victim, evil.realm)
    const forwarded = new URL(attackers)
    forwarded.searchParams.set('state', searchParams.get('state') as string)
    const back = new URL(await honest.provider.signIn(forwarded.href))
    change(back)
    const answer = await comeBack(victim, back)
    t.ok([400, 403].includes(answer.statusCode), back.pathname)
    t.same([...victim.cookies.keys()], [], 'nobody is signed in')
  }
  t.same(evil.requests, [])
})

t.test('a provider without iss is refused where issuers differ by realm', async (t) => {
  const { server, honest } = await twoProviders(t)
  const browser = new Browser(server)
  const back = new URL(await honest.provider.signIn((await begin(browser, honest.realm)).href))
  back.searchParams.delete('iss')
  t.equal((await comeBack(browser, back)).statusCode, 403)
  t.ok(server.log.some((line) => line.includes('the provider sends no iss (RFC 9207)')))
})

t.test(
  'a realm without a client secret cannot be signed in to, and the log says which file is missing',
  async (t) => {
    const { server, honest, secrets } = await twoProviders(t)
    await server.operations.realms.create(TESTER, '7')
    const answer = await new Browser(server).get('/portal/7/sign-in/sso')
    t.equal(answer.statusCode, 404)
    t.match(textOf(answer), 'Single sign-on is not set up for this realm.')
    t.ok(server.log.some((line) => line.includes(`${join(secrets, '7')} cannot be read: ENOENT`)))
    writeFileSync(join(secrets, honest.realm), ' \n')
    t.equal((await new Browser(server).get(`/portal/${honest.realm}/sign-in/sso`)).statusCode, 404)
    t.ok(server.log.some((line) => line.includes(`${honest.realm} is empty`)))
  },
)

t.test('providers that differ by realm are refused with one secret for all', async (t) => {
  const settings = { clientId: CLIENT_ID, scope: 'openid', accessClaim: 'roles', adminValue: 'admin' }
  await t.rejects(
    testServer(t, {
      singleSignOn: { ...settings, issuer: ISSUER, clientSecret: CLIENT_SECRET, viewerValue: undefined },
    }),
    { message: 'providers that differ by realm may not share a client secret' },
  )
})
