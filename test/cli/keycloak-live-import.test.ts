import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { noCertificate, writeCertificate } from '../support/certificate.ts'
import { mintmark } from '../support/command.ts'
import { keycloakExport } from '../support/keycloak-export.ts'
import { IMPORTER, type KeycloakServer, keycloakServer } from '../support/keycloak-server.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'

const env = onDatabase(await testDatabase(t))
await mintmark(['realm', 'create', 'acme'], env)
const folder = t.testdir({})

const importFrom = (...args: string[]) => {
  const all = ['import', 'keycloak', '--realm', 'acme', '--client-id', IMPORTER.clientId, ...args]
  return mintmark(all, env, { input: `${IMPORTER.clientSecret}\n` })
}
const live = ({ url }: KeycloakServer, ...args: string[]) =>
  importFrom('--url', url, '--source-realm', 'plant', ...args)

t.test('a live import plans what the import of the exported file plans', async (t) => {
  const file = join(folder, 'export.json')
  writeFileSync(file, JSON.stringify(keycloakExport()))
  const args = ['import', 'keycloak', '--realm', 'acme', '--dry-run', '--json']
  const ofFile = JSON.parse((await mintmark([...args, '--file', file], env)).stdout)
  const ofServer = JSON.parse((await live(await keycloakServer(t), '--dry-run', '--json')).stdout)
  t.same(ofServer, ofFile)
})

t.test(
  'a live import finds the roles that tokens without full scope have, as the file tells them',
  async (t) => {
    const { users, clients, roles, ...rest } = keycloakExport()
    const realm = {
      ...rest,
      clients: [
        ...clients.map((one) =>
          one.clientId === 'narrow' ? { ...one, defaultClientScopes: ['orders'] } : one,
        ),
        {
          clientId: 'other',
          secret: 'kX8vq2WtR7nPz4mBkX8vq2WtR7nPz4mB',
          serviceAccountsEnabled: true,
          defaultClientScopes: ['orders'],
        },
      ],
      roles: {
        ...roles,
        client: {
          ...roles.client,
          narrow: [{ name: 'own', composite: true, composites: { realm: ['billing'] } }],
        },
      },
      scopeMappings: [{ clientScope: 'orders', roles: ['reports'] }],
      clientScopeMappings: {
        warehouse: [
          { client: 'narrow', roles: ['stock-read'] },
          { clientScope: 'hidden', roles: ['stock-read'] },
        ],
      },
      users: [
        ...users.filter((user) => user.serviceAccountClientId !== 'narrow'),
        {
          id: 'u-narrow',
          serviceAccountClientId: 'narrow',
          realmRoles: ['billing', 'default-roles-plant'],
          clientRoles: { warehouse: ['stock-read'], 'realm-management': ['manage-users'] },
        },
      ],
    }
    const planOf = async (...args: string[]) => {
      const { stdout } = await importFrom('--dry-run', '--json', '--only', 'narrow', ...args)
      return JSON.parse(stdout)
    }
    const file = join(folder, 'narrow.json')
    writeFileSync(file, JSON.stringify(realm))
    const args = ['import', 'keycloak', '--realm', 'acme', '--dry-run', '--json', '--only', 'narrow']
    const ofFile = JSON.parse((await mintmark([...args, '--file', file], env)).stdout)
    const keycloak = await keycloakServer(t, { realm })
    t.same(await planOf('--url', keycloak.url, '--source-realm', 'plant'), ofFile)
    t.match(ofFile, { added: { roles: ['billing', 'reports', 'warehouse:stock-read'], scopes: ['orders'] } })
    t.match(JSON.stringify(ofFile.left), /Roles realm-management:manage-users: .*fullScopeAllowed/)
  },
)

t.test('a live import makes accounts, and a second one changes nothing', async (t) => {
  const keycloak = await keycloakServer(t)
  const first = await live(keycloak, '--json')
  t.match(JSON.parse(first.stdout), { created: 5, refused: 0, without_secret: 2 })
  t.equal(first.stderr, '', 'a progress bar is for terminals')
  t.match(JSON.parse((await live(keycloak, '--json')).stdout), { created: 0, updated: 0, unchanged: 5 })
})

t.test('a live import reads clients that the pattern names, and no others', async (t) => {
  const keycloak = await keycloakServer(t)
  const { stdout } = await live(keycloak, '--dry-run', '--json', '--only', 'weak')
  t.match(JSON.parse(stdout), { accounts: ['weak'] })
  t.notOk(keycloak.asked.some((path) => path.includes('billing-job')))
})

t.test('a live import asks for a secret that the list masks', async (t) => {
  const keycloak = await keycloakServer(t)
  await live(keycloak, '--dry-run')
  const asked = keycloak.asked.filter((path) => path.endsWith('/client-secret'))
  t.same(asked, ['/admin/realms/plant/clients/id-masked/client-secret'])
})

t.test('a live import reads many pages of clients', async (t) => {
  const realm = {
    ...keycloakExport(),
    clients: Array.from({ length: 250 }, (_, n) => ({ clientId: `c${n}` })),
  }
  const { stdout } = await live(await keycloakServer(t, { realm }), '--dry-run', '--json')
  t.equal(JSON.parse(stdout).left.length, 250)
})

t.test('a live import asks again where Keycloak is busy, and renews its token', async (t) => {
  const keycloak = await keycloakServer(t)
  const answers = [429, 503, 502, 401]
  keycloak.intercept = (request, response) => {
    const status = request.url?.includes('/clients?first=0') ? answers.shift() : undefined
    if (status === undefined) return false
    response.writeHead(status, { 'retry-after': '0' }).end()
    return true
  }
  t.match(await live(keycloak, '--dry-run'), { code: 0 })
  t.same(answers, [])
  t.equal(keycloak.asked.filter((path) => path.endsWith('/token')).length, 2)
})

t.test('a live import gives up on a Keycloak that stays busy', async (t) => {
  const keycloak = await keycloakServer(t)
  keycloak.intercept = (request, response) => {
    if (!request.url?.includes('/clients?')) return false
    response.writeHead(503, { 'retry-after': '0' }).end()
    return true
  }
  t.match(await live(keycloak), { code: 6, stdout: '', stderr: 'Keycloak answered 503 at /clients\n' })
  t.equal(keycloak.asked.filter((path) => path.endsWith('/clients')).length, 5)
})

t.test('a live import says which role is missing', async (t) => {
  for (const [path, role] of [
    ['/clients?', 'view-clients'],
    ['/client-scopes', 'view-clients'],
    ['/roles?', 'view-realm'],
    ['/role-mappings', 'view-users'],
    ['/composites', 'view-realm'],
  ] as const) {
    const keycloak = await keycloakServer(t)
    keycloak.intercept = (request, response) => {
      if (!request.url?.includes(path)) return false
      response.writeHead(403).end('{"error":"HTTP 403 Forbidden"}')
      return true
    }
    const { code, stderr } = await live(keycloak)
    t.equal(code, 5, path)
    t.match(stderr, `the role ${role} of the client realm-management`, path)
  }
})

t.test('a live import tells a wrong realm, secret and address apart', async (t) => {
  const keycloak = await keycloakServer(t)
  const { url } = keycloak
  const realmOf = (...args: string[]) => importFrom('--url', url, ...args)
  t.match(await realmOf('--source-realm', 'nope'), { code: 3, stderr: 'There is no realm nope of Keycloak' })
  const other = await realmOf('--source-realm', 'nope', '--client-realm', 'plant')
  t.match(other, { code: 3, stderr: 'Keycloak has no realm nope: name it with --source-realm.' })
  const args = ['import', 'keycloak', '--realm', 'acme', '--source-realm', 'plant', '--client-id', 'importer']
  const wrong = await mintmark([...args, '--url', url], env, { input: 'wrong-secret-of-mine\n' })
  t.match(wrong, { code: 1, stderr: 'refuses importer in its realm plant (401 unauthorized_client)' })
  t.notMatch(wrong.stderr, 'wrong-secret-of-mine')
  t.match(await mintmark([...args, '--url', url], env, { input: '' }), {
    code: 1,
    stderr: 'There is no secret',
  })
  for (const bad of ['keycloak', 'ftp://x.test', 'https://me:word@x.test', 'https://x.test?a=b'])
    t.match(await mintmark([...args, '--url', bad], env), { code: 1, stderr: '--url must be an' }, bad)
  const plain = await mintmark([...args, '--url', 'http://keycloak.test'], env)
  t.match(plain, { code: 1, stderr: 'Plain HTTP would show secrets' })
})

t.test('a live import needs a source, and only options that fit it', async (t) => {
  const run = (...args: string[]) => mintmark(['import', 'keycloak', '--realm', 'acme', ...args], env)
  for (const args of [
    [],
    ['--file', 'x', '--url', 'https://x.test'],
    ['--url', 'https://x.test'],
    ['--url', 'https://x.test', '--source-realm', 'x'],
    ['--file', 'x', '--client-id', 'y'],
  ])
    t.match(await run(...args), { code: 2, stdout: '' }, args.join(' '))
})

t.test('a live import ends at a server that lies', async (t) => {
  const client = JSON.stringify([{ id: 'a', clientId: 'a' }])
  for (const [body, told] of [
    [client, 'does not divide /clients into pages'],
    [JSON.stringify(Array.from({ length: 101 }, (_, n) => ({ id: `${n}` }))), 'does not divide /clients'],
    ['[1]', 'it is not a list'],
    ['{"a":1}', 'it is not a list'],
    ['<html>secret-in-a-page', 'it is not JSON'],
  ] as const) {
    const keycloak = await keycloakServer(t)
    keycloak.intercept = (request, response) => {
      if (!request.url?.includes('/clients?')) return false
      response.end(body)
      return true
    }
    const { code, stderr } = await live(keycloak)
    t.equal(code, 6, body)
    t.match(stderr, told)
    t.notMatch(stderr, 'secret-in-a-page')
  }
})

t.test('a live import follows no redirect, and reads no endless body', async (t) => {
  const keycloak = await keycloakServer(t)
  keycloak.intercept = (request, response) => {
    if (!request.url?.includes('/clients?')) return false
    response.writeHead(302, { location: `${keycloak.url}/elsewhere` }).end()
    return true
  }
  t.match(await live(keycloak), { code: 6, stderr: 'Keycloak answered 302 at /clients' })
  t.notOk(keycloak.asked.includes('/elsewhere'))
  const block = Buffer.alloc(1024 * 1024, ' ')
  let sent = 0
  keycloak.intercept = (request, response) => {
    if (!request.url?.endsWith('/token')) return false
    const more = () => {
      while (!response.destroyed && response.write(block)) sent++
    }
    response.on('drain', more)
    more()
    return true
  }
  const { code, stderr } = await live(keycloak)
  t.equal(code, 6)
  t.match(stderr, 'more than 32 MiB')
  t.ok(sent < 5 * 48)
})

t.test(
  'a live import by https needs the authority of the certificate',
  { skip: noCertificate() },
  async (t) => {
    const cert = writeCertificate(folder)
    const tls = { key: readFileSync(join(folder, 'tls.key')), cert }
    const keycloak = await keycloakServer(t, { tls })
    t.match(await live(keycloak, '--dry-run', '--ca-file', join(folder, 'tls.crt')), { code: 0 })
    t.match(await live(keycloak, '--dry-run'), { code: 6, stderr: '--ca-file or NODE_EXTRA_CA_CERTS' })
    const none = await live(keycloak, '--ca-file', '/proc/none')
    t.match(none, { code: 1, stderr: '/proc/none cannot be read: ENOENT' })
  },
)
