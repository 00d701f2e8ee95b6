import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/nginx/mirror.conf')

/** The shipped file, with addresses filled in. */
async function startNginx(t: Test, ports: { old: number; mintmark: number }): Promise<string> {
  const port = await freePort()
  const folder = temporaryFolder(t)
  const config = readFileSync(EXAMPLE, 'utf8')
    .replace('127.0.0.1:8090', `127.0.0.1:${port}`)
    .replace('127.0.0.1:8180', `127.0.0.1:${ports.old}`)
    .replace('127.0.0.1:8080', `127.0.0.1:${ports.mintmark}`)
    .replace('http {', `pid ${folder}/nginx.pid;\nhttp {\n  access_log off;`)
  writeFileSync(join(folder, 'nginx.conf'), config)
  const args = ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
  const nginx: ChildProcess = spawn('nginx', args, { stdio: 'ignore' })
  t.teardown(async () => {
    nginx.kill()
    await new Promise((resolve) => nginx.once('exit', resolve))
  })
  const url = `http://127.0.0.1:${port}`
  for (let at = 0; at < 100; at++) {
    if (await fetch(url).catch(() => undefined)) return url
    await sleep(50)
  }
  throw new Error('nginx did not start')
}

t.test(
  'nginx mirrors token requests to a realm in shadow mode, and clients get the answer of the old server',
  async (t) => {
    const clock = { now: new Date(), read: () => new Date(), advance: () => {} }
    const { app, operations } = await testServer(t, { clock, trustProxy: 1 })
    await operations.realms.create(TESTER, 'acme', { shadowMode: true })
    const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'ci' })
    const mintmark = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)

    const asked: string[] = []
    const old = createServer(async (request, response) => {
      asked.push(`${request.url} ${await text(request)}`)
      response.setHeader('content-type', 'application/json').end('{"access_token":"of the old server"}')
    })
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      old.closeAllConnections()
      return new Promise((resolve) => old.close(resolve))
    })
    const url = await startNginx(t, { old: (old.address() as AddressInfo).port, mintmark })
    asked.length = 0

    const ask = async (client_id: string, headers: Record<string, string> = {}) => {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id,
        client_secret: clientSecret,
      })
      const path = '/realms/acme/protocol/openid-connect/token'
      return (await fetch(url + path, { method: 'POST', body, headers })).json()
    }
    t.same(await ask(account.clientId), { access_token: 'of the old server' })
    t.same(await ask('plant-7'), { access_token: 'of the old server' })
    t.equal((await fetch(`${url}/realms/acme/protocol/openid-connect/certs`)).status, 200)
    t.equal((await fetch(`${url}/_shadow`)).status, 404, 'nobody asks the mirror by itself')
    t.equal(asked.length, 3)
    t.match(asked[0], `client_id=${account.clientId}&client_secret=`)

    const report = async () => {
      await operations.shadow.write()
      return operations.shadow.report(TESTER, 'acme')
    }
    // The mirror is not waited for: its requests arrive when they do.
    while ((await report()).totals.size < 2) await sleep(20)
    t.match(await report(), {
      issuedClients: 1,
      refused: [{ clientId: 'plant-7', reason: 'unknown_client' }],
    })
    t.same([...(await report()).totals.values()], [1, 1], 'nothing but token requests is mirrored')

    await app.ready().then((fastify) => fastify.close())
    t.same(await ask(account.clientId), { access_token: 'of the old server' }, 'while Mintmark is away')
  },
)
