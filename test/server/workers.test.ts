import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../support/embedded.ts'
import { testDatabase } from '../support/postgres.ts'
import { crash, onDatabase, type Started, startServer, temporaryFolder } from '../support/process.ts'

/** For tests that leave it as it was. */
let shared: Promise<Started> | undefined
const sharedTwo = () => {
  shared ??= startTwo(t)
  return shared
}

async function startTwo(t: Test): Promise<Started> {
  const started = await startServer(t, { ...onDatabase(await testDatabase(t)), WORKERS: '2' })
  await until(() => started.output().stderr.match(/listening on/g)?.length === 2)
  return started
}

/** Processes of those that it started. */
function workersOf({ child, output }: Started): number[] {
  const pids = output().stderr.matchAll(/"pid":(\d+)[^\n]*listening on/g)
  return [...new Set(Array.from(pids, ([, pid]) => Number(pid)))].filter(
    (pid) => pid !== child.pid && isAlive(pid),
  )
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux'
  }
}

t.test('several workers share the port, and one that is killed is replaced', async (t) => {
  const server = await startTwo(t)
  const [first] = workersOf(server)
  t.equal(workersOf(server).length, 2)
  process.kill(first as number, 'SIGKILL')
  // Its threads take a moment to let go of the port; what came in meanwhile is reset, as what it was at work on.
  await until(() => server.output().stderr.includes('"signal":"SIGKILL"'))
  // The other one answers meanwhile.
  for (let i = 0; i < 20; i++)
    t.equal((await fetch(`${server.url}/health/live`, { headers: { connection: 'close' } })).status, 200)
  await until(() => workersOf(server).length === 2)
  t.match(server.output().stderr, /"signal":"SIGKILL".*a worker died; starting another/)

  const workers = workersOf(server)
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
  t.same(workers.filter(isAlive), [])
})

t.test('workers end when the first process is killed', async (t) => {
  const server = await startTwo(t)
  const workers = workersOf(server)
  await crash(server)
  await until(() => !workers.some(isAlive))
  await t.rejects(fetch(server.url))
})

t.test('a worker that dies while the server stops is not replaced', async (t) => {
  const server = await startTwo(t)
  for (const pid of workersOf(server)) process.kill(pid, 'SIGKILL')
  await until(() => workersOf(server).length === 0)
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
})

t.test('the metrics of any worker are those of all of them', async (t) => {
  const { url } = await sharedTwo()
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const ask = () => fetch(`${url}/realms/nobody/protocol/openid-connect/token`, { method: 'POST', body })
  await Promise.all(Array.from({ length: 40 }, async () => (await ask()).arrayBuffer()))
  for (let i = 0; i < 5; i++) {
    const text = await (await fetch(`${url}/metrics`)).text()
    t.match(text, /^mintmark_token_requests_total\{realm="",outcome="unknown_realm"\} 40$/m)
    t.match(text, /^mintmark_database_up 1$/m)
  }
})

t.test('a worker that dies during a scrape ends no other process', async (t) => {
  const server = await startTwo(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<void>((resolve) => {
      get(`${server.url}/metrics`, { agent }, (answer) => answer.resume().on('end', resolve)).on(
        'error',
        () => resolve(),
      )
    })
  await ask()
  await until(() => /"route":"\/metrics"/.test(server.output().stderr))
  const asked = Number(/"pid":(\d+)[^\n]*"route":"\/metrics"/.exec(server.output().stderr)?.[1])
  const other = workersOf(server).find((pid) => pid !== asked) as number
  process.kill(other, 'SIGSTOP')
  const answered = ask()
  await sleep(300)
  process.kill(asked, 'SIGKILL')
  await answered
  await until(() => !isAlive(asked))
  process.kill(other, 'SIGCONT')
  await until(() => workersOf(server).length === 2)
  t.match(server.output().stderr, 'could not send a message to a worker')
  t.equal((await fetch(`${server.url}/health/live`)).status, 200)
  t.equal(server.child.exitCode, null)
  agent.destroy()
})

t.test('metrics are refused for now while the first process hangs', async (t) => {
  const server = await sharedTwo()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<number | undefined>((resolve, reject) => {
      get(`${server.url}/metrics`, { agent }, (answer) =>
        answer.resume().on('end', () => resolve(answer.statusCode)),
      ).on('error', reject)
    })
  // From here on by a connection that a worker has.
  t.equal(await ask(), 200)
  server.child.kill('SIGSTOP')
  const status = await ask().finally(() => server.child.kill('SIGCONT'))
  t.equal(status, 503)
  t.equal(await ask(), 200)
  agent.destroy()
})

t.test('no secret is in the environment of a worker', { skip: process.platform !== 'linux' }, async (t) => {
  const secrets = {
    METRICS_TOKEN: 'metrics-token-of-the-operator',
    BOOTSTRAP_ADMIN_CLIENT_ID: 'root',
    BOOTSTRAP_ADMIN_CLIENT_SECRET: 'correct horse battery',
  }
  const databases = [onDatabase(await testDatabase(t)), { DATA_DIR: temporaryFolder(t) }]
  for (const database of databases) {
    const server = await startServer(t, { ...database, ...secrets, WORKERS: '2' })
    await until(() => server.output().stderr.match(/listening on/g)?.length === 2)
    for (const pid of workersOf(server)) {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
      t.match(environment, 'NODE_UNIQUE_ID')
      t.notMatch(
        environment,
        /(?<!TEST_)(MASTER_KEY|DATABASE_URL|METRICS_TOKEN|BOOTSTRAP_ADMIN_CLIENT_SECRET)=./,
      )
    }
    t.equal((await fetch(`${server.url}/health/ready`)).status, 200)
  }
})
