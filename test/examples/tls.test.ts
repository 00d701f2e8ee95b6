import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { listens, noCertificate, writeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { TESTER, testServer } from '../support/server.ts'

const PROXY = resolve(import.meta.dirname, '../../examples/tls/proxy.mjs')

/** Mintmark behind the example, and a caller that trusts its certificate alone. */
async function world(t: Test) {
  const port = await freePort()
  const server = await testServer(t, { publicUrl: `https://localhost:${port}`, trustProxy: 1 })
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const folder = t.testdir({})
  const ca = writeCertificate(folder)
  const upstream = (server.app.server.address() as AddressInfo).port
  const child = spawn(process.execPath, [PROXY], {
    cwd: folder,
    env: { PORT: String(port), MINTMARK_URL: `http://127.0.0.1:${upstream}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.signalCode === null) await once(child, 'exit')
  })
  while (child.exitCode === null && !(await listens(port))) await sleep(20)
  const ask = (path: string, headers: Record<string, string | string[]> = {}, body?: string) =>
    new Promise<{ status: number | undefined; body: Record<string, unknown> }>((resolve, reject) => {
      const url = `https://localhost:${port}/realms/acme${path}`
      const options = { ca, agent: false, method: body === undefined ? 'GET' : 'POST', headers } as const
      const sent = request(url, { ...options, family: 4 }, async (answer) =>
        resolve({ status: answer.statusCode, body: (await json(answer)) as Record<string, unknown> }),
      )
      sent.once('error', reject).end(body)
    })
  return { ...server, child, ask, issuer: `https://localhost:${port}/realms/acme` }
}

t.test('the https proxy of the examples has twelve lines of code', async (t) => {
  t.equal(readFileSync(PROXY, 'utf8').split('\n').filter(Boolean).length, 12)
})

t.test(
  'https in front of Mintmark gives metadata and tokens by https',
  { skip: noCertificate() },
  async (t) => {
    const { app, operations, child, ask, issuer, log } = await world(t)
    await operations.realms.create(TESTER, 'acme', {})
    const { account, clientSecret } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })

    const metadata = await ask('/.well-known/openid-configuration')
    t.match(metadata, { status: 200, body: { issuer, jwks_uri: new RegExp(`^${issuer}/`) } })

    const form = 'grant_type=client_credentials'
    const basic = `Basic ${btoa(`${account.clientId}:${clientSecret}`)}`
    const headers = {
      authorization: basic,
      'content-type': 'application/x-www-form-urlencoded',
      'x-forwarded-for': '203.0.113.9',
    }
    const token = await ask('/protocol/openid-connect/token', headers, form)
    t.equal(token.status, 200)
    t.equal(decodeJwt(token.body['access_token'] as string).iss, issuer)
    t.notMatch(log.join(''), '203.0.113.9', 'the address is the caller’s own, whatever it says')

    const twice = { ...headers, authorization: [basic, basic] }
    t.equal(
      (await ask('/protocol/openid-connect/token', twice, form)).status,
      400,
      'nothing is folded on the way',
    )

    await (await app.ready()).close()
    await t.rejects(ask('/.well-known/openid-configuration'), 'without Mintmark there is no answer')
    t.equal(child.exitCode, null, 'and the proxy goes on')
  },
)
