import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { closeAll } from '../../src/server/stop.ts'
import { testDatabase } from '../support/postgres.ts'
import { type Environment, onDatabase, type Started, startServer } from '../support/process.ts'

const CHECKOUT = join(import.meta.dirname, '../..')

async function start(t: Test, environment: Environment): Promise<Started> {
  return startServer(t, { ...onDatabase(await testDatabase(t)), ...environment })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}

function stop({ child, output }: Started, times = 1): Promise<void> {
  child.kill('SIGTERM')
  return until(() => (output().stderr.match(/"stopping"/g)?.length ?? 0) >= times)
}

/** By a connection of its own, or by that of the agent. */
function ask(url: string, path: string, agent?: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { agent }, (answer) => answer.resume().on('end', () => resolve(answer))).on(
      'error',
      reject,
    )
  })
}

async function connected(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

for (const WORKERS of ['1', '2'])
  t.test(
    `goes on serving for SHUTDOWN_DELAY, not ready and on closing connections: workers ${WORKERS}`,
    async (t) => {
      const server = await start(t, { WORKERS, SHUTDOWN_DELAY: '300' })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      t.equal((await ask(server.url, '/health/ready', agent)).headers.connection, 'keep-alive')
      await stop(server, Number(WORKERS) + (WORKERS === '1' ? 0 : 1))
      for (const known of [agent, undefined]) {
        const ready = await ask(server.url, '/health/ready', known)
        t.equal(ready.statusCode, 503)
        t.equal(ready.headers.connection, 'close')
      }
      const jwks = await ask(server.url, '/realms/none/protocol/openid-connect/certs')
      t.equal(jwks.statusCode, 404)
      t.equal(jwks.headers.connection, 'close')
      // The second signal ends the delay.
      server.child.kill('SIGTERM')
      t.equal((await server.ended).code, 0)
      agent.destroy()
    },
  )

t.test('connections that are idle, or have sent nothing, end at once', async (t) => {
  const server = await start(t, {})
  const silent = await connected(server.url)
  const idle = await connected(server.url)
  idle.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(idle, 'data')
  silent.resume()
  idle.resume()
  const closed = Promise.all([once(silent, 'close'), once(idle, 'close')])
  server.child.kill('SIGTERM')
  await closed
  // Not cut: that would be told, and end with 1.
  t.match(await server.ended, { code: 0, stderr: /^(?!.*stopped with errors)/s })
})

t.test('an answer under way when the server is told to stop says that its connection ends', async (t) => {
  const server = await start(t, { SHUTDOWN_DELAY: '300' })
  const socket = await connected(server.url)
  socket.setEncoding('utf8')
  socket.write(
    'POST /realms/none/protocol/openid-connect/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 29\r\nexpect: 100-continue\r\n\r\n',
  )
  await once(socket, 'data')
  await stop(server)
  let answer = ''
  socket.on('data', (chunk: string) => {
    answer += chunk
  })
  socket.write('grant_type=client_credentials')
  await once(socket, 'close')
  t.match(answer, /^HTTP\/1\.1 40\d .*\r\nconnection: close\r\n/is)
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
})

t.test('every failure to close is logged, and the rest is closed', async (t) => {
  const closed: string[] = []
  const part = (name: string, fails: boolean) => ({
    close: async () => {
      closed.push(name)
      if (fails) throw new Error(name)
    },
  })
  const all = closeAll([part('a', true), part('b', false), { close: () => closeAll([part('c', true)]) }])
  const { errors } = await all.then(
    () => ({ errors: [] }),
    (error: AggregateError) => error,
  )
  t.same(closed, ['a', 'b', 'c'])
  t.same(
    errors.map(({ message }) => message),
    ['a', 'c'],
  )
})

t.test('npm that is told to stop takes the server with it', async (t) => {
  for (const script of ['start', 'mintmark', 'example']) {
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
    t.match(scripts[script], /^exec node /, script)
  }
  const env = { ...process.env, ...onDatabase(await testDatabase(t)), PORT: '0' }
  const npm = spawn('npm', ['start'], { cwd: CHECKOUT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  npm.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk
  })
  // The pipe ends when the last process that holds it has ended.
  const ended = once(npm.stderr, 'close')
  await until(() => log.includes('listening on'))
  npm.kill('SIGTERM')
  await ended
  t.match(log, /"signal":"SIGTERM","msg":"stopping"/)
})
