import { randomBytes } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { adminUrl } from '../support/postgres-server.ts'
import { onDatabase } from '../support/process.ts'
import { refusedStart, serveHere } from '../support/serve-here.ts'

const PUBLIC_URL = 'https://auth.test'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A copy of a database under another name, as a backup that was restored. */
async function restored(t: Test, databaseUrl: string): Promise<string> {
  const name = `restored_${randomBytes(8).toString('hex')}`
  const client = new pg.Client(adminUrl())
  await client.connect()
  await client.query(`create database ${name} template ${new URL(databaseUrl).pathname.slice(1)}`)
  await client.end()
  t.teardown(async () => {
    const admin = new pg.Client(adminUrl())
    await admin.connect()
    await admin.query(`drop database if exists ${name} with (force)`)
    await admin.end()
  })
  return adminUrl(name)
}

async function post(url: string, path: string, fields: Record<string, string>) {
  const answer = await fetch(`${url}/realms/acme/protocol/openid-connect/${path}`, {
    method: 'POST',
    headers: FORM,
    body: new URLSearchParams(fields),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

const clientCredentials = { grant_type: 'client_credentials' }

t.test('a backup restored onto a new server goes on where the old one was', async (t) => {
  const databaseUrl = await testDatabase(t)
  const environment = { ...onDatabase(databaseUrl), PUBLIC_URL }
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await mintmark(['--json', ...args], environment)
    t.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  await command('realm', 'create', 'acme')
  const make = async (name: string, ...more: string[]) => {
    const made = await command('service-account', 'create', '--realm', 'acme', '--name', name, ...more)
    return { client_id: made.client_id as string, client_secret: made.client_secret as string }
  }
  const [kept, revoked, deleted, api] = [
    await make('kept'),
    await make('revoked'),
    await make('deleted'),
    await make('API', '--role', 'introspect'),
  ]
  const old = await serveHere(t, environment)
  const tokens = await Promise.all(
    [kept, revoked, deleted].map(async (client) => {
      const { body } = await post(old.url, 'token', { ...clientCredentials, ...client })
      return body.access_token as string
    }),
  )
  await command('service-account', 'revoke-tokens', '--realm', 'acme', revoked.client_id)
  await command('service-account', 'delete', '--realm', 'acme', deleted.client_id)
  await old.close()

  const fresh = await serveHere(t, { ...environment, DATABASE_URL: await restored(t, databaseUrl) })
  const jwks = createRemoteJWKSet(new URL(`${fresh.url}/realms/acme/protocol/openid-connect/certs`))
  const active = async (token: string) =>
    (await post(fresh.url, 'token/introspect', { ...api, token })).body.active
  for (const token of tokens) await jwtVerify(token, jwks, { issuer: `${PUBLIC_URL}/realms/acme` })
  t.same(await Promise.all(tokens.map(active)), [true, false, false])
  const statusOf = async (client: object) =>
    (await post(fresh.url, 'token', { ...clientCredentials, ...client })).status
  t.same(await Promise.all([kept, revoked, deleted].map(statusOf)), [200, 200, 401])
})

t.test('with another master key a restored server says so and does not start', async (t) => {
  const databaseUrl = await testDatabase(t)
  const { code } = await mintmark(['realm', 'create', 'acme'], onDatabase(databaseUrl))
  t.equal(code, 0)
  const MASTER_KEY = randomBytes(32).toString('base64url')
  const refused = await refusedStart({
    PORT: '0',
    DATABASE_URL: await restored(t, databaseUrl),
    MASTER_KEY,
  })
  t.equal(refused.exitCode, 1)
  t.match(refused.detail, /master key/i)
  t.notMatch(refused.detail, MASTER_KEY)
})
