import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ARGON2_COST } from '../../src/crypto/argon2-pool.ts'
import { assertionClaims, assertionForm, keyPair, publicJwk, signAssertion } from '../support/assertion.ts'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'
import { type Hydra, noHydra, startHydra } from './hydra.ts'

/** Clients of each hasher. */
const CLIENTS = Number(process.env['HYDRA_CLIENTS'] ?? 20)
const AUDIENCE = 'https://api.test'

interface Client {
  readonly clientId: string
  readonly secret: string
}

async function makeClients({ admin }: Hydra, prefix: string): Promise<Client[]> {
  const clients = Array.from({ length: CLIENTS }, (_, n) => ({
    clientId: `${prefix}-${n}`,
    secret: randomBytes(24).toString('base64url'),
  }))
  for (const { clientId, secret } of clients)
    await admin('POST', '/clients', {
      client_id: clientId,
      client_secret: secret,
      client_name: `Machine ${clientId}`,
      grant_types: ['client_credentials'],
      scope: 'orders invoices',
      audience: [AUDIENCE],
      metadata: { line: clientId },
    })
  return clients
}

const KEY = keyPair('RS256')

async function makeOthers({ admin }: Hydra): Promise<void> {
  const jwk = { ...publicJwk(KEY), kid: 'k1', use: 'sig', alg: 'RS256' }
  const byKey = {
    client_id: 'by-key',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    scope: 'orders',
    jwks: { keys: [jwk] },
  }
  await admin('POST', '/clients', byKey)
  await admin('POST', '/clients', { client_id: 'web', redirect_uris: ['https://web.test/cb'] })
}

/** Claims that let tokens look as Hydra's do. */
const CLAIMS = [
  { claim: 'scp', from: 'scope', as: 'string[]' },
  { claim: 'ext', value: {} },
] as const

/** Of another server, or of another moment. */
const IGNORED = ['claims.iss', 'claims.nbf', 'claims.status', 'response.expires_in']

/** What else differs; docs/move-from-hydra.md explains each. */
const KNOWN_DIFFERENCES = [
  'no-credentials response.error',
  'no-credentials status',
  'token claims.aud',
  'token claims.azp',
  'token claims.roles',
  'token claims.scope',
  'token response.not-before-policy',
  'token response.refresh_expires_in',
  'token response.token_type',
  'unknown-grant-type response.error',
]

async function startMintmark(t: Parameters<typeof testDatabase>[0]) {
  const databaseUrl = await testDatabase(t)
  const port = await freePort()
  const publicUrl = `http://localhost:${port}`
  const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
  // The command that imports has this cost, and a fingerprint of a hash depends on it.
  const { app, operations } = await testServer(t, { databaseUrl, publicUrl, clock, hashCost: ARGON2_COST })
  await operations.realms.create(TESTER, 'plant', {
    algorithm: 'RS256',
    tokenTypeHeader: 'JWT',
    tokenLifetimeSeconds: 3600,
    claims: CLAIMS,
    serviceAccountLimit: 3 * CLIENTS,
  })
  await app.listen({ port, host: 'localhost' })
  const env = { ...onDatabase(databaseUrl), PUBLIC_URL: publicUrl }
  return {
    publicUrl,
    operations,
    run: async (args: readonly string[], input = '') => {
      const { code, stdout, stderr } = await mintmark([...args, '--json'], env, { input })
      return { code, json: JSON.parse(stdout || stderr) }
    },
    token: (form: Record<string, string>) =>
      fetch(`${publicUrl}/realms/plant/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
      }),
  }
}

t.test(
  'clients of a real Hydra move with the hashes of both its hashers, and get the same tokens',
  { skip: noHydra },
  async (t) => {
    const hydra = await startHydra(t)
    const byPbkdf2 = await makeClients(hydra, 'pbkdf2')
    await makeOthers(hydra)
    await hydra.restart('bcrypt')
    const clients = [...byPbkdf2, ...(await makeClients(hydra, 'bcrypt'))]
    const count = clients.length + 1
    const { publicUrl, operations, run, token } = await startMintmark(t)
    const command = ['import', 'hydra', '--realm=plant', `--dsn=${hydra.dsn}`]

    const planned = await run([...command, '--dry-run'])
    t.equal(planned.json.accounts.length, count)
    const imported = await run(command)
    t.match(imported.json, {
      created: count,
      refused: 0,
      without_secret: 0,
      added: { scopes: ['invoices', 'orders'], audiences: [AUDIENCE] },
      left: [{ client_id: 'web' }],
    })
    t.equal(await operations.accounts.countForeignHashes(TESTER, 'plant'), clients.length)
    const again = await run(command)
    t.match(again.json, { created: 0, updated: 0, unchanged: count })

    for (const { clientId, secret } of [clients[0], clients.at(-1)] as Client[]) {
      const wrong = await token({ client_id: clientId, client_secret: `${secret}x` })
      t.equal(wrong.status, 401)
      t.equal((await token({ client_id: clientId, client_secret: '' })).status, 401)
    }

    const accounts = join(temporaryFolder(t), 'accounts.ndjson')
    const lines = clients.map(({ clientId, secret }) => ({
      client_id: clientId,
      client_secret: secret,
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'orders',
      audience: AUDIENCE,
    }))
    writeFileSync(accounts, lines.map((line) => JSON.stringify(line)).join('\n'))
    const compared = await run([
      'compare',
      '--realm=plant',
      `--old-token-url=${hydra.url}/oauth2/token`,
      `--server=${publicUrl}`,
      `--accounts=${accounts}`,
      ...IGNORED.map((path) => `--ignore=${path}`),
    ])
    t.match(compared.json, { accounts: clients.length, requests: clients.length + 6 })
    const differences: { case: string; path: string }[] = compared.json.differences
    t.same(differences.map((one) => `${one.case} ${one.path}`).sort(), KNOWN_DIFFERENCES)
    t.equal(
      await operations.accounts.countForeignHashes(TESTER, 'plant'),
      0,
      'each hash was replaced by ours',
    )
    t.match((await run(command)).json, { created: 0, updated: 0, unchanged: count })

    const claims = assertionClaims('by-key', `${publicUrl}/realms/plant`, new Date())
    const assertion = signAssertion(KEY, { alg: 'RS256', kid: 'k1' }, claims)
    t.equal((await token(assertionForm(assertion))).status, 200, 'a client with a key')
  },
)
