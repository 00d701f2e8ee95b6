import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import t from 'tap'
import { createSealer, generateMasterKey } from '../../src/crypto/sealing.ts'
import { signingKeyContext } from '../../src/operations/realms/sealed-keys.ts'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { startServer, temporaryFolder } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { MASTER_KEY } from '../support/server.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const METRICS_TOKEN = 'metrics-token-of-this-test-0123456789'
const BOOTSTRAP_SECRET = 'bootstrap secret of this test 0123456789'

const databaseUrl = await testDatabase(t)
const environment = {
  DATABASE_URL: databaseUrl,
  MASTER_KEY,
  METRICS_TOKEN,
  BOOTSTRAP_ADMIN_CLIENT_ID: 'root',
  BOOTSTRAP_ADMIN_CLIENT_SECRET: BOOTSTRAP_SECRET,
  LOG_LEVEL: 'trace',
  DATA_DIR: temporaryFolder(t),
}
const server = await startServer(t, environment)

/** All that must not come up where it does not belong. */
const secrets = new Set([MASTER_KEY, METRICS_TOKEN, BOOTSTRAP_SECRET])
/** Of answers that were refused. */
const refusals: string[] = []
/** Output of commands that print no secret. */
const printed: string[] = []

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(server.url + path, { redirect: 'manual', ...init })
  // A page's own form carries a token of its own.
  const text = (await answer.clone().text()).replaceAll(/(<input type="hidden" [^>]*value=)"[^"]*"/g, '$1')
  if (answer.status >= 400) refusals.push(text, JSON.stringify([...answer.headers]))
  return answer
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(fields).toString()
  return ask(path, { method: 'POST', headers: { ...FORM, ...headers }, body })
}

async function tokenOf(realm: string, client_id: string, client_secret: string, more = {}): Promise<string> {
  secrets.add(client_secret)
  const fields = { grant_type: 'client_credentials', client_id, client_secret, ...more }
  const answer = await post(`/realms/${realm}/protocol/openid-connect/token`, fields)
  const { access_token: token } = (await answer.json()) as { access_token: string }
  if (token) secrets.add(token).add(token.split('.')[2] as string)
  return token
}

async function command(...args: string[]): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await mintmark(['--json', ...args], environment)
  t.equal(code, 0, stderr)
  printed.push(stderr)
  return JSON.parse(stdout)
}

async function credentials(...args: string[]): Promise<{ id: string; secret: string }> {
  const made = await command('service-account', ...args)
  secrets.add(made['client_secret'] as string)
  return { id: made['client_id'] as string, secret: made['client_secret'] as string }
}

t.before(async () => {
  await command('realm', 'create', 'acme')
  const first = await credentials('create', '--realm', 'acme', '--name', 'CI')
  const api = await credentials('create', '--realm', 'acme', '--name', 'API', '--role', 'introspect')
  await useTheProtocol(first, api)
  await useTheAdminApi(first.id)
  await useThePortal(first.id)
  await credentials('reset-secret', '--realm', 'acme', first.id)
  await command('key', 'rotate', '--realm', 'acme')
  const next = generateMasterKey()
  secrets.add(next)
  await mintmark(['master-key', 'rotate'], { ...environment, MASTER_KEY: `${next},${MASTER_KEY}` })
  await collectKeys([next, MASTER_KEY])
})

async function useTheProtocol(client: { id: string; secret: string }, api: { id: string; secret: string }) {
  const base = '/realms/acme/protocol/openid-connect'
  const token = await tokenOf('acme', client.id, client.secret)
  await tokenOf('acme', client.id, `${client.secret}x`)
  await tokenOf('acme', `sa_${'0'.repeat(30)}`, client.secret)
  const mixedUp = { grant_type: 'client_credentials', client_id: client.secret, client_secret: client.id }
  await post(`${base}/token`, mixedUp)
  await tokenOf('acme', client.id, client.secret, { scope: client.secret })
  const asker = { client_id: api.id, client_secret: api.secret }
  await post(`${base}/token/introspect`, { ...asker, token })
  await post(`${base}/token/introspect`, { ...asker, client_secret: 'wrong', token })
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64')
  secrets.add(basic)
  await post(`${base}/revoke`, { token }, { authorization: `Basic ${basic}` })
  await post(
    `${base}/revoke`,
    { token, token_type_hint: client.secret },
    { authorization: `Basic ${basic}x` },
  )
  await ask(`${base}/token?client_secret=${client.secret}`)
  await ask(`/realms/acme/${token}`)
  const leaked = [{ token: client.secret, url: `https://x/${client.secret}`, source: client.secret }]
  const json = { 'content-type': 'application/json' }
  await command('realm', 'update', 'acme', '--leaked-secret-action', 'alert')
  await ask('/realms/acme/leaked-secrets', { method: 'POST', headers: json, body: JSON.stringify(leaked) })
  await ask('/realms/acme/leaked-secrets', { method: 'POST', headers: json, body: JSON.stringify([token]) })
}

async function useTheAdminApi(clientId: string) {
  const token = await tokenOf('system', 'root', BOOTSTRAP_SECRET)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const send = (method: string, path: string, body: object) =>
    ask(`/admin/realms${path}`, { method, headers, body: JSON.stringify(body) })
  const accounts = '/acme/service-accounts'
  const made = (await (await send('POST', accounts, { name: 'by API' })).json()) as { client_secret: string }
  secrets.add(made.client_secret)
  const rotated = await send('POST', `${accounts}/${clientId}/secrets`, {})
  secrets.add(((await rotated.json()) as { client_secret: string }).client_secret)
  const imported = 'an imported secret, chosen by its client'
  secrets.add(imported)
  await send('POST', accounts, { name: 'imported', client_id: 'own', client_secret: imported })
  await tokenOf('acme', 'own', imported)
  await tokenOf('acme', 'own', 'a wrong guess at an imported secret')
  await send('POST', accounts, { name: made.client_secret, client_secret: made.client_secret })
  await send('PATCH', `${accounts}/${clientId}`, { secret: made.client_secret })
  await send('POST', `/${token}`, { name: token })
  await ask('/admin/realms', { headers: { authorization: `Bearer ${token}x` } })
}

async function useThePortal(clientId: string) {
  const { url } = await command('portal-link', '--realm', 'acme')
  const code = (url as string).split('#')[1] as string
  secrets.add(code)
  const own = { 'sec-fetch-site': 'same-origin' }
  const entered = await post('/portal/acme/sign-in', { code }, own)
  await post('/portal/acme/sign-in', { code }, own)
  const cookie = entered.headers.getSetCookie().map((line) => line.split(';')[0] as string)
  for (const one of cookie) secrets.add(one.slice(one.indexOf('=') + 1))
  const headers = { cookie: cookie.join('; ') }
  const page = await (await ask(`/portal/acme/service-accounts/${clientId}`, { headers })).text()
  for (const [, value] of page.matchAll(/name="form_token" value="([^"]+)"/g)) secrets.add(value as string)
  await post(`/portal/acme/service-accounts/${clientId}`, { name: 'x' }, { ...headers, ...own })
}

/** Private keys and data keys, as only the master key opens them. */
async function collectKeys(masterKeys: readonly string[]) {
  const sealer = createSealer(masterKeys.map((key) => Buffer.from(key, 'base64url')))
  for (const { realm_id, kid, algorithm, sealed } of await rows(
    'select realm_id, kid, algorithm, sealed_private_jwk as sealed from signing_keys',
  )) {
    const context = signingKeyContext(realm_id as string, {
      kid: kid as string,
      algorithm: algorithm as string,
    })
    secrets.add(JSON.parse(Buffer.from(sealer.open(sealed as string, context)).toString()).d)
  }
  for (const { purpose, sealed } of await rows('select purpose, sealed_key as sealed from data_keys'))
    secrets.add(Buffer.from(sealer.open(sealed as string, `data_keys ${purpose}`)).toString('base64url'))
}

async function rows(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Every row of every table: as text, and with what is bytes in hex and base64. */
async function dump(): Promise<string> {
  const tables = await rows(
    "select format('%I', tablename) as name from pg_tables where schemaname = 'public'",
  )
  const all: string[] = []
  for (const { name } of tables)
    for (const row of await rows(`select * from ${name}`))
      for (const value of Object.values(row))
        all.push(
          Buffer.isBuffer(value)
            ? `${value.toString('hex')} ${value.toString('base64')} ${value.toString('latin1')}`
            : JSON.stringify(value),
        )
  return all.join('\n')
}

/** A secret as it is, and in each form that it could be written down in. */
function formsOf(secret: string): string[] {
  const bytes = [Buffer.from(secret), Buffer.from(secret, 'base64url')].filter(({ length }) => length > 15)
  return [
    secret,
    ...bytes.flatMap((all) => (['hex', 'base64', 'base64url'] as const).map((as) => all.toString(as))),
  ]
}

function found(haystack: string): string[] {
  return [...secrets].filter((secret) => formsOf(secret).some((form) => haystack.includes(form)))
}

t.test('the search finds secrets that are there', async (t) => {
  t.ok(secrets.size > 25, `${secrets.size} secrets`)
  t.ok(refusals.length > 20, `${refusals.length} texts of refusals`)
  for (const secret of secrets)
    t.same(found(`x${Buffer.from(secret).toString('base64url')}x`).length > 0, true)
})

t.test('no secret, token or key is in the log, whatever its level', async (t) => {
  const { stdout, stderr } = server.output()
  t.match(stderr, '"msg":"request"')
  t.same(found(stdout + stderr), [])
  t.same(found(printed.join('')), [])
})

t.test('no secret is in the database or the audit trail, in any form', async (t) => {
  const all = await dump()
  t.match(all, 'service-account.reset-secret')
  t.same(found(all), [])
})

t.test('no secret is in a refusal or the metrics', async (t) => {
  t.same(found(refusals.join('\n')), [])
  const metrics = await fetch(`${server.url}/metrics`, {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  })
  const text = await metrics.text()
  t.match(text, 'mintmark_token_requests_total')
  t.same(found(text), [])
})

t.test('no secret is in process arguments or files of DATA_DIR', async (t) => {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const read = (file: string) => {
    try {
      return readFileSync(file, 'latin1')
    } catch {
      return '' // It has ended.
    }
  }
  const lines = processes.map((pid) => read(`/proc/${pid}/cmdline`)).join('\n')
  t.match(lines, PROGRAM)
  t.same(found(lines), [])
  for (const file of readdirSync(environment.DATA_DIR, { recursive: true, encoding: 'utf8' }))
    t.same(found(read(`${environment.DATA_DIR}/${file}`)), [])
})
