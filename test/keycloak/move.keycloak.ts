import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'
import { addRole, giveRoles, noKeycloak, startKeycloak } from './keycloak.ts'

/** Fewer for a quick look: KEYCLOAK_CLIENTS=50. */
const CLIENTS = Number(process.env['KEYCLOAK_CLIENTS'] ?? 1000)
/** Accounts with roles of their own. */
const WITH_ROLES = 20

interface Client {
  readonly clientId: string
  readonly secret: string
}

function representation({ clientId, secret }: Client, n: number) {
  const config = {
    'claim.name': 'plant.line',
    'claim.value': String(n),
    'jsonType.label': 'int',
    'access.token.claim': 'true',
  }
  return {
    clientId,
    secret,
    name: `Machine ${n}`,
    enabled: true,
    publicClient: false,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    protocolMappers: [
      { name: 'line', protocol: 'openid-connect', protocolMapper: 'oidc-hardcoded-claim-mapper', config },
    ],
  }
}

t.test(
  'a thousand clients of a real Keycloak move, live and by file, and get the same tokens',
  { skip: noKeycloak },
  async (t) => {
    const keycloak = await startKeycloak(t)
    const clients = Array.from({ length: CLIENTS }, (_, n) => ({
      clientId: `machine-${n}`,
      secret: randomBytes(24).toString('base64url'),
    }))
    const importer = { clientId: 'mintmark-import', secret: randomBytes(24).toString('base64url') }
    await keycloak.admin('POST', '', {
      realm: 'plant',
      enabled: true,
      roles: {
        realm: [{ name: 'operator', composite: true, composites: { realm: ['reader'] } }, { name: 'reader' }],
      },
    })
    // One by one, as its console does: of many in one request it takes minutes.
    const waiting = [importer, ...clients].entries()
    const make = async () => {
      for (const [n, client] of waiting)
        await keycloak.admin('POST', '/plant/clients', representation(client, n))
    }
    await Promise.all([make(), make(), make(), make()])
    await addRole(keycloak, 'plant', 'machine-0', 'start')
    const roles = ['view-clients', 'view-users', 'view-realm']
    await giveRoles(keycloak, 'plant', importer.clientId, { of: 'realm-management', names: roles })
    for (const { clientId } of clients.slice(0, WITH_ROLES)) {
      await giveRoles(keycloak, 'plant', clientId, { names: ['operator'] })
      await giveRoles(keycloak, 'plant', clientId, { of: 'machine-0', names: ['start'] })
    }

    const databaseUrl = await testDatabase(t)
    const port = await freePort()
    const publicUrl = `http://localhost:${port}`
    const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
    const { app, operations } = await testServer(t, { databaseUrl, publicUrl, clock })
    await operations.realms.create(TESTER, 'plant', {
      tokenProfile: 'keycloak',
      algorithm: 'RS256',
      serviceAccountLimit: 2 * CLIENTS,
    })
    await app.listen({ port, host: 'localhost' })
    const env = { ...onDatabase(databaseUrl), PUBLIC_URL: publicUrl }
    const run = (args: readonly string[], input = '') => mintmark([...args, '--json'], env, { input })

    const from = ['--url', keycloak.url, '--source-realm', 'plant', '--client-id', importer.clientId]
    const live = ['import', 'keycloak', '--realm', 'plant', '--only', 'machine-*', ...from]
    const imported = await run(live, importer.secret)
    t.match(JSON.parse(imported.stdout || imported.stderr), {
      created: CLIENTS,
      refused: 0,
      without_secret: 0,
      left: [],
    })
    const again = JSON.parse((await run(live, importer.secret)).stdout)
    t.match(again, { created: 0, updated: 0, unchanged: CLIENTS })

    const accounts = join(temporaryFolder(t), 'accounts.ndjson')
    const lines = clients.map(({ clientId, secret }) => ({ client_id: clientId, client_secret: secret }))
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
    t.same(JSON.parse(compared.stdout), { accounts: CLIENTS, requests: CLIENTS + 8, differences: [] })
    t.equal(compared.code, 0)

    const file = await keycloak.export('plant')
    const byFile = await run(['import', 'keycloak', '--realm=plant', '--only=machine-*', `--file=${file}`])
    t.match(JSON.parse(byFile.stdout || byFile.stderr), {
      created: 0,
      updated: 0,
      unchanged: CLIENTS,
      left: [],
      added: { roles: [], scopes: [], audiences: [] },
    })
  },
)
