import { testKeyPair } from './client-keys.ts'
import { testPlatform, trust } from './platform.ts'
import { routesOf } from './routes.ts'
import { TESTER, type TestServer } from './server.ts'

/** Routes of the portal that answer with something other than a page. */
const NO_PAGE = /\/(_assets|_callback|callback|export|sso)(\/|$)/

const LONG = 'x'.repeat(100)

/** What the parameters of routes stand for, by the part of the path before them. */
export type Furnished = Readonly<Record<string, string>>

/** Realm acme with something of each kind, also with names and values as long as they may be. */
export async function furnish(server: TestServer): Promise<Furnished> {
  const { operations } = server
  const roles = ['view', 'operate', 'manage', 'account-admin', 'introspect']
  const names = [LONG, 'Data platform ingest of the warehouse, Frankfurt', '🚀'.repeat(60), 'CI deployer']
  const made = []
  for (const name of names)
    made.push(await operations.accounts.create(TESTER, 'acme', { name, roles, description: LONG.repeat(5) }))
  const { clientId } = (made.at(-1) as (typeof made)[number]).account
  await operations.resources.import(TESTER, 'acme', [
    { type: 'device_group', id: 'eu', name: 'Edge, Europe' },
    { type: 'device', id: LONG, name: `Gateway ${LONG}`.slice(0, 100), groups: ['eu'] },
  ])
  await operations.grants.add(TESTER, 'acme', clientId, { role: 'operate', type: 'device', id: LONG })
  await operations.secrets.startRotation(TESTER, 'acme', clientId)
  const secrets = await operations.secrets.list(TESTER, 'acme', clientId)
  const authMethods = ['client_secret', 'private_key_jwt', 'federated']
  const quota = { tokensPerHour: 1_000_000, tokensPerDay: 10_000_000, mode: 'enforce' } as const
  await operations.accounts.update(TESTER, 'acme', clientId, { authMethods, quota })
  await operations.realms.update(TESTER, 'acme', { quota })
  const key = { pem: testKeyPair().pem, name: LONG }
  const { key: added } = await operations.clientKeys.add(TESTER, 'acme', clientId, key)
  const trustedIssuer = await trust(server, testPlatform(server, `https://platform.example/${LONG}`), {
    name: LONG,
    audiences: [`https://${LONG}.example/${LONG}`],
  })
  const rules = [
    { claim: 'sub', equals: LONG },
    { claim: 'path', matches: `repo:${LONG}/*` },
  ]
  const bound = { trustedIssuer, rules }
  const { identity } = await operations.workloadIdentities.create(TESTER, 'acme', clientId, bound)
  // One that was used, and whose secret was found in public.
  const { account, clientSecret } = made[1] as (typeof made)[number]
  await server.app.inject({
    method: 'POST',
    url: '/realms/acme/protocol/openid-connect/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=client_credentials&client_id=${account.clientId}&client_secret=${clientSecret}`,
  })
  await operations.uses.write()
  const leak = { token: clientSecret, url: `https://code.example/${LONG}`, source: 'commit' }
  await operations.leakedSecrets.report('acme', [leak], '203.0.113.7')
  const { url } = await operations.portal.createLink(TESTER, 'acme', { person: LONG, access: 'view' })
  await operations.portal.signInWithLink('acme', url.split('#')[1] as string, '203.0.113.7')
  const hook = { url: `https://hooks.example/${LONG}`, description: LONG, events: ['secret.leaked'] } as const
  const webhook = await operations.webhooks.create(TESTER, 'acme', hook)
  const { id: delivery } = await operations.webhookDeliveries.test(TESTER, 'acme', webhook.id)
  const [session] = await operations.portal.listSessions(TESTER, 'acme')
  const [signing] = await operations.signingKeys.list(TESTER, 'acme')
  return {
    portal: 'acme',
    realms: 'acme',
    sessions: session?.id ?? '',
    webhooks: webhook.id,
    deliveries: delivery,
    'service-accounts': clientId,
    leaked: account.clientId,
    secrets: secrets[0]?.id ?? '',
    keys: signing?.kid ?? '',
    'keys/:thumbprint': added.thumbprint,
    'trusted-issuers': trustedIssuer,
    'workload-identities': identity.id,
    devices: 'device',
    ':type/:id': LONG,
  }
}

/** The address of every page, made of the server's routes, so that a new page is among them by itself. */
export async function everyPage(server: TestServer, furnished: Furnished): Promise<string[]> {
  const routes = await routesOf(server)
  return routes
    .filter(({ path, methods }) => methods.includes('GET') && /^\/portal(\/|$)/.test(path))
    .filter(({ path }) => !NO_PAGE.test(path) && !path.endsWith('/nothing'))
    .map(({ path }) =>
      ofPlatform(path).replace(/(?<=\/([^/]+)\/)(:\w+)/g, (_, before: string, name: string) => {
        const value = furnished[`${before}/${name}`] ?? furnished[before]
        if (value === undefined) throw new Error(`${path}: say in furnish what ${name} stands for`)
        return encodeURIComponent(value)
      }),
    )
}

/** Pages of the platform's administrators are in realm system. */
function ofPlatform(path: string): string {
  return path.replace(/^\/portal\/:realm(?=\/(realms|new-realm)(\/|$))/, '/portal/system')
}
