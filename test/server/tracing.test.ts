import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase, startServer } from '../support/process.ts'
import { serveHere } from '../support/serve-here.ts'

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

/** Requests to one server, which has ended: what it logged, and what the collector has. */
let asked: ReturnType<typeof askTraced> | undefined
const traced = () => {
  asked ??= askTraced()
  return asked
}

async function askTraced() {
  const { endpoint, received } = await collector(t)
  const environment = onDatabase(await testDatabase(t))
  const server = await startServer(t, { ...environment, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
  const statuses = await ask(server.url)
  await fetch(`${server.url}/realms/acme/protocol/openid-connect/certs`)
  for (const path of ['/health/live', '/health/ready', '/metrics']) await fetch(`${server.url}${path}`)
  server.child.kill('SIGTERM')
  return { statuses, received, ...(await server.ended) }
}

t.test('with an OTLP endpoint requests are traced, as part of the trace that they came with', async (t) => {
  const { statuses, received, code } = await traced()
  t.same(statuses, [404, 400, 404])
  t.equal(code, 0)
  t.ok(received.length > 0)
  t.match(received[0], { path: '/v1/traces', type: 'application/x-protobuf' })
  const all = Buffer.concat(received.map(({ body }) => body))
  t.ok(all.includes('mintmark'), 'service.name')
  t.ok(all.includes('POST /realms/:realm/protocol/openid-connect/token'), 'a span has the name of its route')
  t.ok(all.includes(Buffer.from(TRACE_ID, 'hex')), 'the trace goes on')
  t.notOk(all.includes(MARK), 'nothing of what was sent is in a trace')
})

t.test('log lines name the trace, and health checks and metrics are no part of one', async (t) => {
  const { stderr, received } = await traced()
  const ids = stderr
    .split('\n')
    .filter((line) => line.includes('"request"'))
    .map((line) => JSON.parse(line).trace_id)
  t.same(ids.slice(0, 3), [TRACE_ID, TRACE_ID, TRACE_ID])
  t.match(ids[3], /^[0-9a-f]{32}$/, 'a trace that begins here')
  const spans = Buffer.concat(received.map(({ body }) => body))
  t.ok(spans.includes(Buffer.from(ids[3], 'hex')))
  t.ok(spans.includes('service.instance.id'))
  for (const path of ['/health/', '/metrics']) t.notOk(spans.includes(path), path)
})

t.test('without tracing a log line names the trace of a valid traceparent, and of no other', async (t) => {
  const server = await serveHere(t, onDatabase(await testDatabase(t)))
  const parents = [
    `00-${TRACE_ID}-00f067aa0ba902b7-01`,
    `cc-${TRACE_ID}-00f067aa0ba902b7-01-of-a-later-version`,
    `ff-${TRACE_ID}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `00-${MARK}`,
  ]
  for (const traceparent of parents) await fetch(`${server.url}/nowhere`, { headers: { traceparent } })
  await server.close()
  const lines = server
    .log()
    .split('\n')
    .filter((line) => line.includes('"request"'))
  t.same(
    lines.map((line) => JSON.parse(line).trace_id),
    [TRACE_ID, TRACE_ID, undefined, undefined, undefined, undefined],
  )
  t.notOk(server.log().includes(MARK))
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
