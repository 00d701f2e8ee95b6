import { spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

const PROGRAMS = ['kube-apiserver', 'etcd', 'kubectl'] as const
type Program = (typeof PROGRAMS)[number]

export interface ApiServer {
  readonly url: string
  /** Of the administrator. */
  readonly kubeconfig: string
  /** PEM of the certificate that it serves with, which it made itself. */
  readonly certificateFile: string
  readonly kubectl: (args: readonly string[], input?: string) => { status: number | null; output: string }
  /** Its REST API, as the administrator. Returns the parsed answer. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>
}

/** A program in KUBEBUILDER_ASSETS, as setup-envtest fills it, or in PATH. */
function find(program: Program): string | undefined {
  const known = join(process.env['KUBEBUILDER_ASSETS'] ?? '/usr/local/kubebuilder/bin', program)
  if (existsSync(known)) return known
  const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
  return found.status === 0 ? found.stdout.trim() : undefined
}

/** What is missing for `startApiServer`, as a sentence; `undefined`: nothing. */
export function missingForApiServer(): string | undefined {
  const missing = PROGRAMS.filter((program) => find(program) === undefined)
  if (missing.length === 0) return undefined
  return `${missing.join(', ')} missing: put them into PATH, or into the folder that KUBEBUILDER_ASSETS names (setup-envtest makes such a folder)`
}

/** A Kubernetes API server with an etcd of its own: it checks objects and issues tokens, and runs no pods. */
export async function startApiServer(t: Test): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-kubernetes-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [port, etcd, peer] = [await freePort(), await freePort(), await freePort()]
  const url = `https://127.0.0.1:${port}`
  const token = randomBytes(16).toString('hex')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`)
  start(t, 'etcd', [
    `--data-dir=${folder}/etcd`,
    `--listen-client-urls=http://127.0.0.1:${etcd}`,
    `--advertise-client-urls=http://127.0.0.1:${etcd}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
  ])
  const ended = start(t, 'kube-apiserver', [
    `--etcd-servers=http://127.0.0.1:${etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}/certificates`,
    `--service-account-issuer=${url}`,
    `--service-account-jwks-uri=${url}/openid/v1/jwks`,
    `--service-account-key-file=${folder}/sa.key`,
    `--service-account-signing-key-file=${folder}/sa.key`,
    `--api-audiences=${url}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    '--authorization-mode=RBAC',
    `--token-auth-file=${folder}/tokens.csv`,
    // No controller makes the default accounts that this plugin asks for.
    '--disable-admission-plugins=ServiceAccount',
  ])
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(url, token))
  const call: ApiServer['call'] = (method, path, body) => callApi(url, token, { method, path, body })
  await isReady(call, ended)
  const kubectl: ApiServer['kubectl'] = (args, input) => {
    const run = spawnSync(find('kubectl') as string, [`--kubeconfig=${kubeconfig}`, ...args], {
      encoding: 'utf8',
      input,
      env: { ...process.env, KUBECACHEDIR: join(folder, 'cache') },
    })
    return { status: run.status, output: `${run.stdout}${run.stderr}` }
  }
  return { url, kubeconfig, certificateFile: join(folder, 'certificates/apiserver.crt'), kubectl, call }
}

/** Returns what it said before it ended, while it should run. */
function start(t: Test, program: Program, args: readonly string[]): () => string | undefined {
  const child = spawn(find(program) as string, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000)
  })
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return () => (child.exitCode === null ? undefined : said)
}

async function isReady(call: ApiServer['call'], ended: () => string | undefined): Promise<void> {
  for (;;) {
    const said = ended()
    if (said !== undefined) throw new Error(`kube-apiserver ended: ${said}`)
    const answer = await call('GET', '/readyz').catch(() => undefined)
    if (answer?.['text'] === 'ok') return
    await sleep(200)
  }
}

interface Call {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

function callApi(url: string, token: string, { method, path, body }: Call): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        rejectUnauthorized: false,
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve(text.startsWith('{') ? JSON.parse(text) : { text }))
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function kubeconfigOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'test',
  })
}
