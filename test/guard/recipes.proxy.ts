import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createGuard } from '../../packages/verifier/src/guard/server.ts'
import { createVerifier } from '../../packages/verifier/src/index.ts'
import { createTestIssuer } from '../../packages/verifier/src/testing.ts'
import { freePort } from '../support/free-port.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/guard')

interface Proxy {
  readonly name: string
  readonly files: readonly string[]
  readonly command: (folder: string) => readonly [string, ...string[]]
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    files: ['nginx.conf'],
    command: (folder) => ['nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'],
  },
  { name: 'haproxy', files: ['haproxy.cfg', 'guard.lua'], command: () => ['haproxy', '-f', 'haproxy.cfg'] },
]

/** The shipped files, with other addresses. */
async function startProxy(t: Test, proxy: Proxy, ports: { guard: number; api: number }): Promise<string> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-proxy-'))
  for (const file of proxy.files) {
    cpSync(join(EXAMPLE, file), join(folder, file))
    const written = readFileSync(join(folder, file), 'utf8')
      .replaceAll('127.0.0.1:8090', `127.0.0.1:${port}`)
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${ports.api}`)
      .replaceAll('127.0.0.1:9191', `127.0.0.1:${ports.guard}`)
      .replace('http {', `pid ${folder}/nginx.pid;\nhttp {\n  access_log off;`)
    writeFileSync(join(folder, file), written)
  }
  const [program, ...args] = proxy.command(folder)
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  t.teardown(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${proxy.name} did not start`)
    const answered = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answered) return url
    await sleep(50)
  }
}

async function listen(t: Test, server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

for (const proxy of PROXIES) {
  t.test(`${proxy.name} lets in who has a good token until it is revoked, and says who it is`, async (t) => {
    const issuer = await createTestIssuer()
    t.teardown(() => issuer.close())
    const verifier = createVerifier({ ...issuer.verifierOptions, rememberTokens: 100 })
    const guard = createGuard({ verifier, routes: undefined, log: () => {} })
    let seen: IncomingHttpHeaders = {}
    const api = createServer((request, response) => {
      seen = request.headers
      request.pipe(response)
    })
    const guardPort = await listen(t, guard)
    const url = await startProxy(t, proxy, { guard: guardPort, api: await listen(t, api) })
    const ask = (token: string | undefined, headers = {}, init: RequestInit = {}) =>
      fetch(`${url}/api/v1/devices`, {
        ...init,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      })

    const token = await issuer.token({ client_id: 'sa-7', scope: 'view', roles: ['view', 'operate'] })
    const claimed = {
      'x-auth-client-id': 'root',
      'x-auth-roles': 'admin',
      'x-auth-issuer': 'https://evil.example',
    }
    t.equal((await ask(token, claimed)).status, 200)
    t.match(seen, { 'x-auth-client-id': 'sa-7', 'x-auth-scope': 'view', 'x-auth-roles': 'view operate' })
    t.notMatch(JSON.stringify(seen), /evil|root/)
    t.notOk('authorization' in seen, 'the API never sees the token')

    const posted = await ask(token, {}, { method: 'POST', body: 'x'.repeat(100_000) })
    t.equal((await posted.text()).length, 100_000, 'what is posted arrives whole')

    const none = await ask(undefined)
    t.equal(none.status, 401)
    t.equal(none.headers.get('www-authenticate'), 'Bearer realm="api"')
    t.equal((await ask(await issuer.forgedToken({ scope: 'view' }))).status, 401)
    t.equal((await ask(await issuer.expiredToken({ scope: 'view' }))).status, 401)
    const poor = await ask(await issuer.token({ scope: 'other' }))
    t.equal(poor.status, 403)
    t.match(poor.headers.get('www-authenticate'), /error="insufficient_scope"/)

    issuer.revoke(token)
    for (let i = 0; i < 2; i++) if ((await ask(token)).status === 200) await sleep(5)
    t.equal((await ask(token)).status, 401, 'revoked')

    const another = await issuer.token({ scope: 'view' })
    guard.closeAllConnections()
    await new Promise((resolve) => guard.close(resolve))
    t.equal((await ask(another)).status, 503, 'without the guard nothing passes')
  })
}
