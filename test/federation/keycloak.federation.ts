import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { JAVA, missing, type Need, PEERS } from '../peers/programs.ts'
import { startPeer } from '../peers/start.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { federationWorld, REFUSED } from './world.ts'

const KEYCLOAK = join(PEERS, 'keycloak/bin/kc.sh')
const NEEDS: readonly Need[] = [
  ['Keycloak (test/federation/set-up.sh keycloak)', 'test', '-x', KEYCLOAK],
  JAVA,
]

const ADMIN = { username: 'admin', password: 'admin-of-this-test' }

/** Keycloak with a realm and a client of it, whose tokens are for that audience. */
async function keycloak(t: Test, audience: string) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
  }
  const options = [`--http-port=${port}`, '--http-host=127.0.0.1', `--hostname=${origin}`, '--db=dev-mem']
  await startPeer(t, [KEYCLOAK, 'start-dev', ...options], {
    cwd: temporaryFolder(t),
    env,
    isReady: async () => (await fetch(`${origin}/realms/master`)).ok,
  })
  const ask = async (path: string, form: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams(form)
    const answer = await fetch(`${origin}/realms/${path}/protocol/openid-connect/token`, {
      method: 'POST',
      body,
    })
    const { access_token: token } = (await answer.json()) as { access_token?: string }
    if (token === undefined) throw new Error(`Keycloak answered ${answer.status}`)
    return token
  }
  const admin = await ask('master', { grant_type: 'password', client_id: 'admin-cli', ...ADMIN })
  const answer = await fetch(`${origin}/admin/realms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ realm: 'peer', enabled: true, clients: [client(audience)] }),
  })
  if (!answer.ok) throw new Error(`Keycloak made no realm: ${answer.status} ${await answer.text()}`)
  const credentials = { grant_type: 'client_credentials', client_id: 'worker', client_secret: 'secret' }
  return { issuer: `${origin}/realms/peer`, token: () => ask('peer', credentials) }
}

function client(audience: string) {
  const config = { 'included.custom.audience': audience, 'access.token.claim': 'true' }
  return {
    clientId: 'worker',
    secret: 'secret',
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    // Without roles of other clients the token has no other audience.
    fullScopeAllowed: false,
    protocolMappers: [
      { name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper', config },
    ],
  }
}

t.test(
  'a token of a client of Keycloak gets a token, by discovery',
  { skip: missing(...NEEDS) },
  async (t) => {
    const world = await federationWorld(t)
    const { issuer, token } = await keycloak(t, world.issuer)
    const path = join(temporaryFolder(t), 'token')
    writeFileSync(path, await token())
    const { sub } = JSON.parse(Buffer.from((await token()).split('.')[1] as string, 'base64url').toString())
    const trusted = await world.trust({ issuer, keys: { source: 'discovery' } })
    t.match(await world.token(`file:${path}`), REFUSED, 'bound to no account')
    const bound = await world.bind(trusted, [
      { claim: 'sub', equals: sub },
      { claim: 'azp', equals: 'worker' },
    ])
    t.match(await world.claims(`file:${path}`), { sub: bound.clientId, iss: world.issuer })
    await world.unbind(bound)
    t.match(await world.token(`file:${path}`), REFUSED, 'bound no longer')
  },
)
