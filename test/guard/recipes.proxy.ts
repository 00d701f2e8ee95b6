import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { request as requestByTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfiguration } from '../../packages/verifier/src/guard/configuration.ts'
import { createGuard } from '../../packages/verifier/src/guard/server.ts'
import { createMultiIssuerVerifier } from '../../packages/verifier/src/many-issuers.ts'
import { createTestIssuer, type TestIssuer } from '../../packages/verifier/src/testing.ts'
import { missing, RECIPES, type Recipe, startProxy } from './proxies.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/guard')

interface Answered {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

interface Ask {
  readonly token?: string | undefined
  /** Names and values in turn. */
  readonly headers?: readonly string[]
  readonly method?: string
  readonly path?: string
  readonly body?: string
}

async function listen(t: Test, server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => stop(server))
  return (server.address() as AddressInfo).port
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** The guard as its command line or its file would have it. */
function guardFor(t: Test, { name, guardFile }: Recipe, issuer: TestIssuer): Server {
  const args = ['--issuer', issuer.url, '--audience', issuer.audience]
  if (guardFile !== undefined) {
    const written = JSON.parse(readFileSync(join(EXAMPLES, name, guardFile), 'utf8'))
    written.issuers[0] = { issuer: issuer.url, audience: issuer.audience }
    const file = join(t.testdir({}), guardFile)
    writeFileSync(file, JSON.stringify(written))
    args.splice(0, args.length, '--config', file)
  }
  const { issuers, routes } = readConfiguration(args)
  return createGuard({ verifier: createMultiIssuerVerifier(issuers), routes, log: () => {} })
}

async function world(t: Test, recipe: Recipe) {
  const issuer = await createTestIssuer()
  t.teardown(() => issuer.close())
  const seen: IncomingMessage[] = []
  const api = createServer((received, response) => {
    seen.push(received)
    received.pipe(response)
  })
  const guard = guardFor(t, recipe, issuer)
  const guardPort = await listen(t, guard)
  const { origins, ca } = await startProxy(t, recipe, { guard: guardPort, api: await listen(t, api) })

  const askAt =
    (origin: string) =>
    ({ token, headers = [], method = 'GET', path = '/api/v1/devices', body }: Ask): Promise<Answered> =>
      new Promise((resolve, reject) => {
        const { host, protocol } = new URL(origin)
        const bearer = token === undefined ? [] : ['Authorization', `Bearer ${token}`]
        const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))]
        const send = protocol === 'https:' ? requestByTls : request
        const options = {
          method,
          ca,
          agent: false,
          headers: ['Host', host, ...bearer, ...length, ...headers],
        }
        const sent = send(origin + path, options, async (answer) => {
          let text = ''
          for await (const chunk of answer.setEncoding('utf8')) text += chunk
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
        })
        sent.once('error', reject).end(body)
      })
  /** What the API was told in headers that any API could take for the guard's; the last request's. */
  const told = () => {
    const { rawHeaders = [] } = seen.at(-1) ?? {}
    const found: Record<string, string[]> = {}
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = (rawHeaders[at] as string).toLowerCase().replace(/[^a-z]/g, '-')
      if (name.startsWith('x-auth-') || name === 'authorization')
        found[name] = [...(found[name] ?? []), rawHeaders[at + 1] as string]
    }
    return found
  }
  return {
    issuer,
    guard,
    guardPort,
    seen,
    told,
    asks: origins.map((origin) => [origin, askAt(origin)] as const),
  }
}

const CLAIMS = [
  'X-Auth-Client-Id',
  'x-auth-client-id',
  'X-AUTH-CLIENT-ID',
  'X_Auth_Client_Id',
  'X-Auth_Client_Id',
  'x_auth-client-id',
  'X-Auth-Roles',
  'X_AUTH_ROLES',
  'X-Auth-Scope',
  'X-Auth-Grants',
  'X_Auth_Grants',
  'X-Auth-Grants-Omitted',
  'X-Auth-Issuer',
  'X-Auth-Expires',
]

for (const recipe of RECIPES) {
  t.test(`the recipe for ${recipe.name}`, { skip: missing(recipe) }, async (t) => {
    const { issuer, guard, guardPort, seen, told, asks } = await world(t, recipe)
    const view = (claims = {}) =>
      issuer.token({ client_id: 'sa-7', scope: 'view', roles: ['view'], ...claims })

    for (const [origin, ask] of asks) {
      const { protocol } = new URL(origin)
      const by = protocol.slice(0, -1)

      t.test(
        `${by}: the API is told what the token says, and nothing that the caller says of itself`,
        async (t) => {
          const token = await view({ roles: ['view', 'operate'] })
          const claimed = CLAIMS.flatMap((name) => [name, 'evil', name, 'worse'])
          for (const headers of [[], claimed]) {
            t.equal((await ask({ token, headers })).status, 200)
            t.match(told(), {
              'x-auth-issuer': [issuer.url],
              'x-auth-client-id': ['sa-7'],
              'x-auth-scope': ['view'],
              'x-auth-roles': ['view operate'],
              'x-auth-expires': [/^\d+$/],
              'x-auth-grants': ['[]'],
            })
            t.notMatch(JSON.stringify(told()), /evil|worse/)
            t.notOk('authorization' in told(), 'the API never sees the token')
          }
        },
      )

      t.test(`${by}: a caller takes nothing away by naming it in Connection`, async (t) => {
        const token = await view()
        for (const name of ['X-Auth-Client-Id', 'Authorization', 'x-auth-grants, X-Auth-Roles']) {
          const before = seen.length
          const { status } = await ask({ token, headers: ['Connection', `close, ${name}`] })
          if (seen.length > before)
            t.match(told(), { 'x-auth-client-id': ['sa-7'], 'x-auth-roles': ['view'] }, name)
          else t.match(String(status), /^4/, name)
        }
      })

      t.test(`${by}: any method passes, and a body arrives whole beside long grants`, async (t) => {
        const details = Array.from({ length: 44 }, (_, n) => ({
          type: 'device_group',
          identifier: `group-${n}-${'x'.repeat(18)}`,
          privileges: ['operate'],
        }))
        const token = await view({ authorization_details: details })
        const body = 'x'.repeat(100_000)
        t.equal((await ask({ token, method: 'POST', body })).text.length, body.length)
        t.same(JSON.parse(told()['x-auth-grants']?.[0] ?? ''), details)
        t.ok(JSON.stringify(details).length > 3_900, 'about as long as they may be')
        for (const method of ['HEAD', 'OPTIONS', 'DELETE', 'PATCH']) {
          t.equal((await ask({ token, method })).status, 200, method)
          t.equal(seen.at(-1)?.method, method)
          t.equal((await ask({ method })).status, 401, method)
        }
      })

      t.test(`${by}: a bad token is refused with the challenge of RFC 6750`, async (t) => {
        const before = seen.length
        const none = await ask({})
        t.match(none, { status: 401, headers: { 'www-authenticate': 'Bearer realm="api"' } })
        for (const token of [
          await issuer.forgedToken({ scope: 'view' }),
          await issuer.expiredToken(),
          'a b',
          'garbage',
        ])
          t.match(await ask({ token }), {
            status: 401,
            headers: { 'www-authenticate': /^Bearer .*error="invalid_/ },
          })
        const twice = await ask({ token: await view(), headers: ['Authorization', 'Bearer x'] })
        t.match(String(twice.status), /^40[01]/, 'two tokens')
        const poor = await ask({ token: await issuer.token({ scope: 'other' }) })
        t.match(poor, {
          status: 403,
          headers: { 'www-authenticate': /error="insufficient_scope".*scope="view"/ },
        })
        t.match(await ask({ path: `/?access_token=${await view()}` }), { status: 401 })
        t.equal(seen.length, before, 'the API is not asked')
      })

      t.test(`${by}: a token is refused once it is revoked`, async (t) => {
        const token = await view()
        t.equal((await ask({ token })).status, 200)
        issuer.revoke(token)
        for (let i = 0; i < 2; i++) if ((await ask({ token })).status === 200) await sleep(5)
        t.equal((await ask({ token })).status, 401)
      })
    }

    t.test('without the guard nothing passes, and with it again all is well', async (t) => {
      const token = await view()
      await stop(guard)
      const before = seen.length
      const refused = asks.flatMap(([, ask]) =>
        ['GET', 'POST', 'OPTIONS'].map((method) => ask({ token, method })),
      )
      for (const { status } of await Promise.all(refused)) t.match(String(status), /^5/)
      t.equal(seen.length, before)
      const again = guardFor(t, recipe, issuer)
      await listen(t, again, guardPort)
      for (const [, ask] of asks) {
        for (let i = 0; i < 40 && (await ask({ token })).status !== 200; i++) await sleep(50)
        t.equal((await ask({ token })).status, 200)
      }
    })
  })
}
