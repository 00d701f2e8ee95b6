import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'
import { inRealm, noKeycloak, startKeycloak } from './keycloak.ts'

/** Fewer for a quick look: KEYCLOAK_CLIENTS=50. */
const CLIENTS = Number(process.env['KEYCLOAK_CLIENTS'] ?? 1000)
/** Accounts with roles of their own. */
const WITH_ROLES = 20
/** Clients that are made at once. */
const CONCURRENCY = 8

interface Client {
  readonly clientId: string
  readonly secret: string
}

const secret = () => randomBytes(24).toString('base64url')

function representation({ clientId, secret }: Client, n: number) {
  const config = {
    'claim.name': 'plant.line',
    'claim.value': String(n),
    'jsonType.label': 'int',
    'access.token.claim': 'true',
  }
  return {
    ...machine({ clientId, secret }),
    name: `Machine ${n}`,
    protocolMappers: [
      { name: 'line', protocol: 'openid-connect', protocolMapper: 'oidc-hardcoded-claim-mapper', config },
    ],
  }
}

function machine(client: Client) {
  return {
    ...client,
    enabled: true,
    publicClient: false,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
  }
}

type Realm = ReturnType<typeof inRealm>

/** Clients whose tokens do not have all that they might; returns them with their secrets, those before a rotation too. */
async function makeSpecial(realm: Realm): Promise<Client[]> {
  const special = (name: string) => ({ clientId: `special-${name}`, secret: secret() })
  const [narrow, own, mapped, optional, scoped, unscoped, rotated] = [
    'narrow',
    'own',
    'mapped',
    'optional',
    'scoped',
    'unscoped',
    'rotated',
  ].map(special) as [Client, Client, Client, Client, Client, Client, Client]
  const narrowly = { fullScopeAllowed: false }
  await realm.addScope('orders')
  await realm.addScope('audits', ['auditor'])
  const defaults = ['web-origins', 'acr', 'roles', 'profile', 'basic', 'email', 'service_account']
  await realm.addClient({ ...machine(narrow), ...narrowly })
  await realm.addClient({ ...machine(own), ...narrowly })
  await realm.addClient({ ...machine(mapped), ...narrowly })
  await realm.addClient({
    ...machine(optional),
    defaultClientScopes: defaults,
    optionalClientScopes: ['orders'],
  })
  await realm.addClient({
    ...machine(scoped),
    ...narrowly,
    defaultClientScopes: [...defaults, 'orders', 'audits'],
  })
  await realm.addClient({ ...machine(unscoped), defaultClientScopes: [...defaults, 'audits'] })
  await realm.addClient(machine(rotated))
  await realm.addRole(own.clientId, 'run')
  for (const { clientId } of [narrow, own, mapped, optional, scoped, rotated]) {
    await realm.giveRoles(clientId, ['operator', 'auditor'])
    await realm.giveRoles(clientId, ['run'], own.clientId)
    await realm.giveRoles(clientId, ['start'], 'machine-0')
  }
  await realm.mapScope(mapped.clientId, ['operator'])
  await realm.mapScope(mapped.clientId, ['start'], 'machine-0')
  await realm.rotateSecrets()
  const next = await realm.newSecret(rotated.clientId)
  const newest = await realm.newSecret(rotated.clientId)
  const before = { ...rotated, secret: next }
  return [narrow, own, mapped, optional, scoped, unscoped, before, { ...rotated, secret: newest }]
}

t.test(
  'a thousand clients of a real Keycloak move, live and by file, and get the same tokens',
  { skip: noKeycloak },
  async (t) => {
    const keycloak = await startKeycloak(t)
    const clients = Array.from({ length: CLIENTS }, (_, n) => ({
      clientId: `machine-${n}`,
      secret: secret(),
    }))
    const importer = { clientId: 'mintmark-import', secret: secret() }
    await keycloak.admin('realms', 'create', {
      realm: 'plant',
      enabled: true,
      roles: {
        realm: [
          { name: 'operator', composite: true, composites: { realm: ['reader'] } },
          { name: 'reader' },
          { name: 'auditor' },
        ],
      },
    })
    const realm = inRealm(keycloak, 'plant')
    // Some at once: of many in one request, a realm's import too, it makes fewer each second.
    const waiting = [importer, ...clients].entries()
    const make = async () => {
      for (const [n, client] of waiting) await realm.addClient(representation(client, n))
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, make))
    await realm.addRole('machine-0', 'start')
    await realm.giveRoles(importer.clientId, ['view-clients', 'view-users', 'view-realm'], 'realm-management')
    for (const { clientId } of clients.slice(0, WITH_ROLES)) {
      await realm.giveRoles(clientId, ['operator'])
      await realm.giveRoles(clientId, ['start'], 'machine-0')
    }
    const special = await makeSpecial(realm)
    const started = Math.floor(Date.now() / 1000)

    const databaseUrl = await testDatabase(t)
    const port = await freePort()
    const publicUrl = `http://localhost:${port}`
    const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
    const { app, operations } = await testServer(t, { databaseUrl, publicUrl, clock })
    await operations.realms.create(TESTER, 'plant', {
      tokenProfile: 'keycloak',
      algorithm: 'RS256',
      serviceAccountLimit: 2 * CLIENTS + 100,
    })
    await app.listen({ port, host: 'localhost' })
    const env = { ...onDatabase(databaseUrl), PUBLIC_URL: publicUrl }
    const run = (args: readonly string[], input = '') => mintmark([...args, '--json'], env, { input })

    const from = ['--url', keycloak.url, '--source-realm', 'plant', '--client-id', importer.clientId]
    const live = async (pattern: string) => {
      const { stdout, stderr } = await run(
        ['import', 'keycloak', '--realm', 'plant', '--only', pattern, ...from],
        importer.secret,
      )
      return JSON.parse(stdout || stderr)
    }
    t.match(await live('machine-*'), { created: CLIENTS, refused: 0, without_secret: 0, left: [] })
    t.match(await live('machine-*'), { created: 0, updated: 0, unchanged: CLIENTS })
    const special1 = await live('special-*')
    t.match(special1, { created: 7, refused: 0, without_secret: 0, with_old_secret: 1 })
    const leftOf = (name: string) =>
      special1.left
        .filter((one: { client_id: string }) => one.client_id === `special-${name}`)
        .map(({ reason }: { reason: string }) => reason)
        .join('\n')
    t.match(leftOf('narrow'), /fullScopeAllowed is off/)
    t.match(leftOf('optional'), /Optional scope orders/)
    t.match(leftOf('rotated'), /Its secret ends on/)
    t.equal(leftOf('unscoped'), '')
    t.match(await live('special-*'), { created: 0, updated: 0, unchanged: 7 })

    const secrets = await operations.secrets.list(TESTER, 'plant', 'special-rotated')
    const ends = (secrets[1]?.expiresAt?.getTime() ?? 0) / 1000 - started
    t.equal(secrets.length, 2)
    t.ok(ends > 172_800 - 3600 && ends <= 172_800, `the old secret ends with that of Keycloak, in ${ends} s`)
    const account = await operations.accounts.find(TESTER, 'plant', 'machine-0')
    t.ok(account.createdAt < clock.now, 'accounts are as old as in Keycloak')

    const accounts = join(temporaryFolder(t), 'accounts.ndjson')
    const all = [...clients, ...special]
    const lines = all.map(({ clientId, secret }) => ({ client_id: clientId, client_secret: secret }))
    writeFileSync(accounts, lines.map((line) => JSON.stringify(line)).join('\n'))
    const ignored = ['claims.iss', 'claims.status', 'wrong-secret:response.error']
    const compared = await run([
      'compare',
      '--realm=plant',
      `--old=${keycloak.url}`,
      `--server=${publicUrl}`,
      `--accounts=${accounts}`,
      ...ignored.map((path) => `--ignore=${path}`),
    ])
    t.same(JSON.parse(compared.stdout), { accounts: all.length, requests: all.length + 8, differences: [] })
    t.equal(compared.code, 0)

    const file = await keycloak.export('plant')
    for (const [pattern, unchanged] of [
      ['machine-*', CLIENTS],
      ['special-*', 7],
    ] as const) {
      const byFile = await run(['import', 'keycloak', '--realm=plant', `--only=${pattern}`, `--file=${file}`])
      t.match(JSON.parse(byFile.stdout || byFile.stderr), {
        created: 0,
        updated: 0,
        unchanged,
        left: pattern === 'machine-*' ? [] : special1.left,
        added: { roles: [], scopes: [], audiences: [] },
      })
    }
  },
)
