import t, { type Test } from 'tap'
import { openOperations } from '../../src/operations/open.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'
import { MASTER_KEY, PUBLIC_URL, TESTER } from '../support/server.ts'

interface Credentials {
  readonly client_id: string
  readonly client_secret: string
}

const LANES = 8
/** Each lane ends something in each way twice. */
const ROUNDS = 10
/** Requests to the other node for each of the two questions, once the change was answered. */
const LOOKS = 4

/** Two processes on one database, an administrator and a resource server. */
async function cluster(t: Test) {
  const databaseUrl = await testDatabase(t)
  const { operations, close } = await openOperations({
    databaseUrl,
    dataDir: '/proc/none',
    publicUrl: PUBLIC_URL,
    masterKeys: [MASTER_KEY],
    clock: () => new Date(),
    poolSize: 2,
    databaseWaitSeconds: 5,
    log: () => {},
  })
  await operations.realms.create(TESTER, 'acme', { serviceAccountLimit: 100_000 })
  const make = async (name: string, role: string): Promise<Credentials> => {
    const made = await operations.accounts.create(TESTER, 'acme', { name, roles: [role] })
    return { client_id: made.account.clientId, client_secret: made.clientSecret }
  }
  const administrators = await Promise.all(
    Array.from({ length: LANES }, (_, n) => make(`administrator ${n}`, 'account-admin')),
  )
  const resourceServer = await make('resource server', 'introspect')
  await close()
  // Each lane has an address of its own, so that none has to wait for another's requests.
  const environment = { ...onDatabase(databaseUrl), PUBLIC_URL, TRUST_PROXY: '1' }
  const [a, b] = await Promise.all([startServer(t, environment), startServer(t, environment)])
  return { a: a.url, b: b.url, administrators, resourceServer }
}

function post(node: string, endpoint: string, form: object): Promise<Response> {
  return fetch(`${node}/realms/acme/protocol/openid-connect/${endpoint}`, {
    method: 'POST',
    body: new URLSearchParams({ ...form }),
  })
}

async function tokenOf(node: string, credentials: Credentials, resource?: string): Promise<string> {
  const answer = await post(node, 'token', {
    grant_type: 'client_credentials',
    ...credentials,
    ...(resource !== undefined && { resource }),
  })
  return ((await answer.json()) as { access_token: string }).access_token
}

/** Each way to end something: whether the secret has to stop with it, and whether the tokens have to. */
const ENDS = {
  delete: { secret: true, tokens: true },
  disable: { secret: true, tokens: true },
  'reset-secret': { secret: true, tokens: false },
  'revoke-tokens': { secret: false, tokens: true },
  revoke: { secret: false, tokens: true },
} as const

t.test('a change on one node holds on the other for every later request', async (t) => {
  const { a, b, administrators, resourceServer } = await cluster(t)
  const exceptions: string[] = []
  let looks = 0

  async function isActive(token: string): Promise<boolean> {
    const answer = await post(b, 'token/introspect', { token, ...resourceServer })
    const text = await answer.text()
    if (answer.status !== 200) exceptions.push(`introspection: ${answer.status} ${text}`)
    return text.includes('"active":true')
  }

  async function run(lane: number): Promise<void> {
    const admin = await tokenOf(a, administrators[lane] as Credentials, `${PUBLIC_URL}/admin`)
    const ask = async (method: string, path: string, body?: object) => {
      const answer = await fetch(`${a}/admin/realms/acme/service-accounts${path}`, {
        method,
        headers: {
          authorization: `Bearer ${admin}`,
          'x-forwarded-for': `192.0.2.${lane}`,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
      return answer.status === 204 ? undefined : ((await answer.json()) as Credentials)
    }
    for (let round = 0; round < ROUNDS; round++) {
      const names = Object.keys(ENDS) as (keyof typeof ENDS)[]
      const name = names[(lane + round) % names.length] as keyof typeof ENDS
      const { client_id, client_secret } = (await ask('POST', '', {
        name: `${lane}.${round}`,
      })) as Credentials
      const client = { client_id, client_secret }
      const token = await tokenOf(b, client)
      if (!(await isActive(token))) exceptions.push(`${name}: not active before`)

      if (name === 'delete') await ask('DELETE', `/${client_id}`)
      else if (name === 'disable') await ask('PATCH', `/${client_id}`, { enabled: false })
      else if (name === 'revoke') await (await post(a, 'revoke', { token, ...client })).text()
      else await ask('POST', `/${client_id}/${name}`)

      const { secret, tokens } = ENDS[name]
      await Promise.all(
        Array.from({ length: LOOKS }, async () => {
          looks += 2
          if ((await isActive(token)) === tokens) exceptions.push(`${name}: active is ${!tokens} wrongly`)
          const minted = (await tokenOf(b, client)) !== undefined
          if (minted === secret) exceptions.push(`${name}: minted is ${minted}`)
        }),
      )
    }
  }

  await Promise.all(Array.from({ length: LANES }, (_, n) => run(n)))
  t.same(exceptions, [])
  t.equal(looks, LANES * ROUNDS * LOOKS * 2)
})
