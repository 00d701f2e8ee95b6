import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { listens } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { testDatabase } from '../support/postgres.ts'
import { mintmark, onDatabase, type Started, startServer, temporaryFolder } from '../support/process.ts'

// The configurations that the document shows are those that are tried.
const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/high-availability.md'), 'utf8')
const RESTARTS = 6
const DIRECT_CLIENTS = 200

interface Proxy {
  readonly name: string
  /** Answers with its version where it is installed. */
  readonly probe: readonly string[]
  readonly args: (folder: string, file: string) => readonly string[]
  readonly around: (own: number, documented: string, folder: string) => string
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'haproxy',
    probe: ['-v'],
    args: (_folder, file) => ['-f', file],
    around: (own, documented) => `defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend clients
  bind 127.0.0.1:${own}
  default_backend mintmark
${documented}`,
  },
  {
    name: 'nginx',
    probe: ['-v'],
    args: (folder, file) => ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;'],
    around: (own, documented, folder) => `pid ${folder}/nginx.pid;
events {}
http {
access_log off;
${documented.replace('server {\n', `server {\n  listen 127.0.0.1:${own};\n`)}
}`,
  },
]

const missing = PROXIES.filter(({ name, probe }) => spawnSync(name, [...probe]).status !== 0)
const skip = missing.length > 0 ? `not here: ${missing.map(({ name }) => name).join(', ')}` : false

/** The block that follows the proxy's name. */
function documented(name: string, nodes: readonly number[]): string {
  const [, block] = new RegExp(`\\b${name}:\\n\\n\`\`\`\\n(.*?)\`\`\``, 'is').exec(DOCUMENT) ?? []
  if (block === undefined) throw new Error(`no configuration of ${name}`)
  return nodes.reduce((all, node, n) => all.replace(`10.0.0.${n + 1}:8080`, `127.0.0.1:${node}`), block)
}

async function startProxy(t: Test, proxy: Proxy, nodes: readonly number[]): Promise<number> {
  const folder = temporaryFolder(t)
  const own = await freePort()
  const file = join(folder, 'configuration')
  writeFileSync(file, proxy.around(own, documented(proxy.name, nodes), folder))
  const child: ChildProcess = spawn(proxy.name, proxy.args(folder, file), { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill()
    await once(child, 'exit')
  })
  while (!(await listens(own))) await sleep(20)
  return own
}

/** Counts by status, or by the code of the error of a request that was sent and not answered. */
type Counts = Record<string, number>

interface Client {
  /** Ports to go to: the next one where an answer closes its connection, or where nobody listens. */
  readonly ports: readonly number[]
  readonly pace: number
  readonly body: string
}

async function askUntil(isOver: () => boolean, { ports, pace, body }: Client, counts: Counts): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let at = 0; !isOver(); ) {
    const port = ports[at % ports.length] as number
    const { outcome, isLast } = await ask(agent, port, body)
    if (outcome !== 'ECONNREFUSED') counts[outcome] = (counts[outcome] ?? 0) + 1
    if (isLast) at++
    await sleep(pace)
  }
  agent.destroy()
}

function ask(agent: Agent, port: number, body: string): Promise<{ outcome: string; isLast: boolean }> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', host: 'localhost' }
  const path = '/realms/acme/protocol/openid-connect/token'
  return new Promise((resolve) => {
    request({ agent, port, host: '127.0.0.1', method: 'POST', path, headers }, async (answer) => {
      await text(answer)
      resolve({ outcome: String(answer.statusCode), isLast: answer.headers.connection === 'close' })
    })
      .on('error', (error: NodeJS.ErrnoException) =>
        resolve({ outcome: error.code ?? error.message, isLast: true }),
      )
      .end(body)
  })
}

t.test(`a rolling restart loses no request, by a proxy or without one`, { skip }, async (t) => {
  const environment = { ...onDatabase(await testDatabase(t)), SHUTDOWN_DELAY: '3', TRUST_PROXY: '1' }
  await mintmark(['realm', 'create', 'acme'], environment)
  const made = await mintmark(
    ['service-account', 'create', '--realm', 'acme', '--name', 'CI', '--json'],
    environment,
  )
  const { client_id, client_secret } = JSON.parse(made.stdout)
  const body = `grant_type=client_credentials&client_id=${client_id}&client_secret=${client_secret}`
  const ports = [await freePort(), await freePort()]
  const start = (port: number) => startServer(t, { ...environment, PORT: String(port) })
  const nodes: Started[] = await Promise.all(ports.map(start))
  const [haproxy, nginx] = await Promise.all(PROXIES.map((proxy) => startProxy(t, proxy, ports)))

  const counts: Record<string, Counts> = { haproxy: {}, nginx: {}, direct: {} }
  let isOver = false
  const load = (name: string, clients: number, client: Omit<Client, 'body'>) =>
    Array.from({ length: clients }, () => askUntil(() => isOver, { ...client, body }, counts[name] as Counts))
  const underway = [
    ...load('haproxy', 8, { ports: [haproxy as number], pace: 10 }),
    ...load('nginx', 8, { ports: [nginx as number], pace: 10 }),
    ...load('direct', DIRECT_CLIENTS / 2, { ports, pace: 1000 }),
    ...load('direct', DIRECT_CLIENTS / 2, { ports: ports.toReversed(), pace: 1000 }),
  ]
  try {
    for (let restart = 0; restart < RESTARTS; restart++) {
      const at = restart % nodes.length
      const node = nodes[at] as Started
      node.child.kill('SIGTERM')
      t.equal((await node.ended).code, 0)
      nodes[at] = await start(ports[at] as number)
    }
  } finally {
    isOver = true
    await Promise.all(underway)
  }
  for (const [name, found] of Object.entries(counts)) {
    t.same(Object.keys(found), ['200'], `${name}: ${JSON.stringify(found)}`)
    t.ok((found['200'] ?? 0) > DIRECT_CLIENTS, `${name}: ${found['200']} requests`)
  }
})
