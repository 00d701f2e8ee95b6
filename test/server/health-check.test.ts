import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'

const PROGRAM = join(import.meta.dirname, '../../src/health.js')

t.test('the health check of the image asks where the server listens, whatever HOST is', async (t) => {
  const asked: (string | undefined)[] = []
  const server = createServer(({ url }, response) => {
    asked.push(url)
    response.statusCode = url === '/health/live' ? 200 : 503
    response.end()
  }).listen(0, '::')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const PORT = String((server.address() as AddressInfo).port)
  const check = async (args: string[], environment: Record<string, string>) => {
    const env = { ...process.env, PORT, ...environment }
    return (await once(spawn(process.execPath, [PROGRAM, ...args], { env }), 'exit'))[0]
  }
  for (const HOST of ['0.0.0.0', '::', '[::1]', '127.0.0.2', ''])
    t.equal(await check(['live'], { HOST }), 0, HOST)
  t.equal(await check(['ready'], {}), 1)
  t.equal(await check([], { HOST: '127.0.0.1' }), 0)
  t.same([...new Set(asked)], ['/health/live', '/health/ready'])
})
