import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { PUBLIC_URL, TESTER, testServer } from '../support/server.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/nginx')
const MODULES = '/usr/lib/nginx/modules'

/** The shipped files, with addresses and credentials filled in. */
async function startNginx(
  t: Test,
  ports: { mintmark: number; api: number },
  credentials: string,
): Promise<number> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-nginx-'))
  cpSync(join(EXAMPLE, 'introspect.js'), join(folder, 'introspect.js'))
  const config = readFileSync(join(EXAMPLE, 'nginx.conf'), 'utf8')
    .replace('modules/ngx_http_js_module.so', join(MODULES, 'ngx_http_js_module.so'))
    .replace('127.0.0.1:8090', `127.0.0.1:${port}`)
    .replace('http://127.0.0.1:3000', `http://127.0.0.1:${ports.api}`)
    .replace('http://127.0.0.1:8080/realms/acme;', `${PUBLIC_URL}/realms/acme;`)
    .replace('http://127.0.0.1:8080', `http://127.0.0.1:${ports.mintmark}`)
    .replace('Basic CREDENTIALS', `Basic ${Buffer.from(credentials).toString('base64')}`)
    .replace('http {', `pid ${folder}/nginx.pid;\nhttp {\n  access_log off;`)
  writeFileSync(join(folder, 'nginx.conf'), config)
  const nginx: ChildProcess = spawn(
    'nginx',
    ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  t.teardown(async () => {
    nginx.kill()
    await new Promise((resolve) => nginx.once('exit', resolve))
    rmSync(folder, { recursive: true })
  })
  for (let i = 0; i < 100; i++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answered) return port
    await sleep(50)
  }
  throw new Error('nginx did not start')
}

t.test('nginx lets in who has a good token, until its account is deleted', async (t) => {
  t.match(execFileSync('nginx', ['-v'], { encoding: 'utf8', stdio: 'pipe' }), '')
  const { app, operations } = await testServer(t, {
    clock: { now: new Date(), read: () => new Date(), advance: () => {} },
  })
  await operations.realms.create(TESTER, 'acme', { scopes: ['view', 'other'] })
  const asker = await operations.accounts.create(TESTER, 'acme', {
    name: 'nginx',
    roles: ['introspect'],
  })
  const caller = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })

  let seen: IncomingHttpHeaders = {}
  const api = createServer(async (request, response) => {
    seen = request.headers
    response.end(await text(request))
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => api.close(resolve)))
  const ports = { mintmark: Number(new URL(url).port), api: (api.address() as AddressInfo).port }
  const port = await startNginx(t, ports, `${asker.account.clientId}:${asker.clientSecret}`)

  const tokenFor = async (scope: string, resource = `${PUBLIC_URL}/realms/acme`) => {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: caller.account.clientId,
      client_secret: caller.clientSecret,
      scope,
      resource,
    })
    const answer = await fetch(`${url}/realms/acme/protocol/openid-connect/token`, { method: 'POST', body })
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const ask = async (headers: Record<string, string>, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/devices`, { headers, ...init })
    return { status: answer.status, headers: answer.headers, body: await answer.text() }
  }
  const token = await tokenFor('view')

  const good = await ask({ authorization: `Bearer ${token}`, 'x-client-id': 'somebody-else' })
  t.equal(good.status, 200)
  t.match(seen, { 'x-client-id': caller.account.clientId, 'x-scope': 'view' })
  t.notOk('authorization' in seen)
  const bare = await ask({})
  t.equal(bare.status, 401)
  t.equal(bare.headers.get('www-authenticate'), 'Bearer realm="api"')
  const wrong = await ask({ authorization: 'Bearer x.y.z' })
  t.equal(wrong.status, 401)
  t.equal(wrong.headers.get('www-authenticate'), 'Bearer realm="api", error="invalid_token"')
  const other = await ask({ authorization: `Bearer ${await tokenFor('other')}` })
  t.equal(other.status, 403)
  t.equal(
    other.headers.get('www-authenticate'),
    'Bearer realm="api", error="insufficient_scope", scope="view"',
  )
  const elsewhere = await ask({ authorization: `Bearer ${await tokenFor('view', `${PUBLIC_URL}/admin`)}` })
  t.equal(elsewhere.status, 401, 'a token for another audience')
  const compressed = { authorization: `Bearer ${token}`, 'content-encoding': 'gzip' }
  t.equal((await ask(compressed, { method: 'POST', body: gzipSync('{}') })).status, 200)

  const devices = Array.from({ length: 200 }, (_, i) => ({ type: 'device', id: `device-${i}` }))
  await operations.resources.import(TESTER, 'acme', devices)
  await operations.grants.replace(
    TESTER,
    'acme',
    caller.account.clientId,
    devices.map((device) => ({ role: 'view', ...device })),
  )
  const manyGrants = await ask({ authorization: `Bearer ${await tokenFor('view')}` })
  t.equal(manyGrants.status, 200, 'an answer of introspection larger than a page')

  for (const body of ['{"name":"Pump 1"}', 'x'.repeat(500_000)]) {
    const posted = await ask({ authorization: `Bearer ${token}` }, { method: 'POST', body })
    t.equal(posted.status, 200)
    t.ok(posted.body === body, 'what is posted arrives whole')
    t.equal((await ask({ authorization: 'Bearer x.y.z' }, { method: 'POST', body })).status, 401)
  }

  await operations.accounts.delete(TESTER, 'acme', caller.account.clientId)
  t.equal((await ask({ authorization: `Bearer ${token}` })).status, 401)
  await operations.accounts.delete(TESTER, 'acme', asker.account.clientId)
  t.equal((await ask({ authorization: `Bearer ${token}` })).status, 500, 'nobody is let in unasked')
})
