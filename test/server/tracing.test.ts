import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const MARK = 'MARK-7f3aC9'

/** A collector of OTLP over HTTP: what it was sent, as bytes. */
async function collector(t: Test) {
  const received: { path: string; type: string; body: Buffer }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const sent = Buffer.concat(chunks)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    received.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', body })
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

async function ask(url: string): Promise<number[]> {
  const token = `${url}/realms/acme/protocol/openid-connect/token`
  const headers = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`, authorization: `Bearer ${MARK}` }
  const answers = [
    await fetch(`${token}?client_secret=${MARK}`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ client_secret: MARK }),
    }),
    await fetch(token, {
      method: 'POST',
      headers: { ...headers, 'content-type': `text/${MARK}` },
      body: MARK,
    }),
    await fetch(`${url}/${MARK}`, { headers }),
  ]
  return answers.map(({ status }) => status)
}

t.test('with an OTLP endpoint requests are traced, as part of the trace that they came with', async (t) => {
  const { endpoint, received } = await collector(t)
  const environment = onDatabase(await testDatabase(t))
  const server = await startServer(t, { ...environment, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
  t.same(await ask(server.url), [404, 400, 404])
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)

  t.ok(received.length > 0)
  t.match(received[0], { path: '/v1/traces', type: 'application/x-protobuf' })
  const all = Buffer.concat(received.map(({ body }) => body))
  t.ok(all.includes('mintmark'), 'service.name')
  t.ok(all.includes('POST /realms/:realm/protocol/openid-connect/token'), 'a span has the name of its route')
  t.ok(all.includes(Buffer.from(TRACE_ID, 'hex')), 'the trace goes on')
  t.notOk(all.includes(MARK), 'nothing of what was sent is in a trace')
})

t.test('a name of the service may be given, and tracing be switched off', async (t) => {
  const { endpoint, received } = await collector(t)
  const environment = { ...onDatabase(await testDatabase(t)), OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
  const named = await startServer(t, { ...environment, OTEL_SERVICE_NAME: 'tokens-of-acme' })
  await ask(named.url)
  named.child.kill('SIGTERM')
  await named.ended
  t.ok(Buffer.concat(received.map(({ body }) => body)).includes('tokens-of-acme'))
  received.length = 0
  const off = await startServer(t, { ...environment, OTEL_SDK_DISABLED: 'true' })
  await ask(off.url)
  off.child.kill('SIGTERM')
  await off.ended
  t.same(received, [])
})

t.test('a collector that is not there harms nothing, and the log says so once', async (t) => {
  const environment = onDatabase(await testDatabase(t))
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const server = await startServer(t, {
    ...environment,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
  })
  for (let n = 0; n < 5; n++) t.same(await ask(server.url), [404, 400, 404])
  server.child.kill('SIGTERM')
  const { code, stderr } = await server.ended
  t.equal(code, 0)
  t.match(stderr, '"stopping"')
  t.notMatch(stderr, 'stopped with errors')
  t.equal(stderr.split('\n').filter((line) => line.includes('traces could not be sent')).length, 1, stderr)
})
