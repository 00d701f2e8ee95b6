import { randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MAVEN, missing, setUp } from '../peers/programs.ts'
import { answersAt, runPeer, startPeer } from '../peers/start.ts'
import { mintmark } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'
import { frontDoor } from './front-door.ts'
import { inRealm, noKeycloak, startKeycloak } from './keycloak.ts'

const skip = noKeycloak || missing(MAVEN, setUp('spring'))

const secret = () => randomBytes(24).toString('base64url')
const OPERATOR = { clientId: 'operator', secret: secret() }
const STRANGER = { clientId: 'stranger', secret: secret() }
const IMPORTER = { clientId: 'mintmark-import', secret: secret() }

/** An API that reads realm_access, as people write them for Keycloak; it lets those with the role operator in. */
async function startApi(t: Test, issuer: string): Promise<(token: string) => Promise<string>> {
  const folder = temporaryFolder(t)
  cpSync(join(import.meta.dirname, 'spring'), folder, { recursive: true })
  const built = await runPeer(['nice', 'mvn', '-q', '-B', '-o', 'package'], { cwd: folder })
  if (!built.ok) throw new Error(built.output)
  const port = String(await freePort())
  const url = `http://localhost:${port}/`
  const jar = join(folder, 'target/realm-api-1.jar')
  await startPeer(t, ['nice', 'java', '-XX:TieredStopAtLevel=1', '-jar', jar], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: '', ISSUER: issuer, SERVER_PORT: port },
    isReady: answersAt(url),
  })
  return async (token) => {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    return `${answer.status} ${await answer.text()}`
  }
}

async function makeRealm(t: Test, publicUrl: string) {
  const keycloak = await startKeycloak(t, publicUrl)
  await keycloak.admin('realms', 'create', {
    realm: 'plant',
    enabled: true,
    accessTokenLifespan: 3600,
    roles: { realm: [{ name: 'operator' }] },
  })
  const realm = inRealm(keycloak, 'plant')
  for (const client of [OPERATOR, STRANGER, IMPORTER])
    await realm.addClient({
      ...client,
      publicClient: false,
      serviceAccountsEnabled: true,
      standardFlowEnabled: false,
    })
  await realm.giveRoles(OPERATOR.clientId, ['operator'])
  const roles = ['view-clients', 'view-users', 'view-realm']
  await realm.giveRoles(IMPORTER.clientId, roles, 'realm-management')
  return keycloak
}

t.test(
  'an API that was started before the switch takes tokens of Keycloak and of Mintmark across it, and back',
  { skip },
  async (t) => {
    const door = await frontDoor(t)
    const issuer = `${door.url}/realms/plant`
    const tokenOf = async ({ clientId, secret }: typeof OPERATOR): Promise<string> => {
      const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret }
      const answer = await fetch(`${issuer}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      })
      return ((await answer.json()) as { access_token: string }).access_token
    }
    const keycloak = await makeRealm(t, door.url)
    door.leadTo(keycloak.url)
    const call = await startApi(t, issuer)
    const old = await tokenOf(OPERATOR)
    t.match(await call(old), /^200 hello .*operator/, 'Keycloak’s token, before the switch')
    t.match(await call(await tokenOf(STRANGER)), /^403/, 'without the role')

    const databaseUrl = await testDatabase(t)
    const port = await freePort()
    const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
    const { app, operations } = await testServer(t, { databaseUrl, publicUrl: door.url, clock })
    await operations.realms.create(TESTER, 'plant', { tokenProfile: 'keycloak', algorithm: 'RS256' })
    await app.listen({ port, host: 'localhost' })
    const env = { ...onDatabase(databaseUrl), PUBLIC_URL: door.url }
    const run = async (args: readonly string[], input: string) => {
      const { code, stderr } = await mintmark(args, env, { input })
      t.equal(code, 0, stderr)
    }
    const from = ['--url', keycloak.url, '--source-realm', 'plant', '--client-id', IMPORTER.clientId]
    await run(['import', 'keycloak', '--realm', 'plant', ...from], IMPORTER.secret)
    const keys = await (await fetch(`${issuer}/protocol/openid-connect/certs`)).text()
    const until = new Date(Date.now() + 3_600_000).toISOString()
    await run(['key', 'publish-foreign', '--realm', 'plant', '--jwks', '-', '--until', until], keys)

    door.leadTo(`http://localhost:${port}`)
    const ours = await tokenOf(OPERATOR)
    t.match(await call(ours), /^200 hello .*operator/, 'Mintmark’s token, after the switch')
    t.match(await call(old), /^200 hello .*operator/, 'Keycloak’s token, after the switch')
    t.match(await call(await tokenOf(STRANGER)), /^403/, 'without the role')
    const [head, , signature] = ours.split('.')
    const forged = Buffer.from(
      JSON.stringify({ iss: issuer, exp: 9e9, realm_access: { roles: ['operator'] } }),
    )
    t.match(await call(`${head}.${forged.toString('base64url')}.${signature}`), /^401/, 'a forged token')
    const second = await startApi(t, issuer)
    t.match(await second(old), /^200/, 'Keycloak’s token, at an API that was started after the switch')

    door.leadTo(keycloak.url)
    t.match(
      await call(await tokenOf(OPERATOR)),
      /^200 hello .*operator/,
      'a new token of Keycloak, on the way back',
    )
    t.match(await call(old), /^200/, 'an old token of Keycloak')
  },
)
