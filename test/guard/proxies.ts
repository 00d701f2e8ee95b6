import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { listens, noCertificate, writeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'

const EXAMPLES = resolve(import.meta.dirname, '../../examples/guard')

export interface Recipe {
  /** The folder of its recipe. */
  readonly name: string
  readonly program: string
  readonly version: string
  readonly args: (folder: string) => readonly string[]
  /** The demand is in the guard's file instead of the proxy's. */
  readonly guardFile?: string
}

// NGINX, CADDY and so on name a program that is not on PATH.
const programOf = (name: string) => process.env[name.toUpperCase()] ?? name

export const RECIPES: readonly Recipe[] = [
  {
    name: 'nginx',
    program: programOf('nginx'),
    version: '-v',
    args: (folder) => ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'],
  },
  {
    name: 'haproxy',
    program: programOf('haproxy'),
    version: '-v',
    args: () => ['-f', 'haproxy.cfg'],
  },
  {
    name: 'caddy',
    program: programOf('caddy'),
    version: 'version',
    args: () => ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
  },
  {
    name: 'traefik',
    program: programOf('traefik'),
    version: 'version',
    args: () => ['--configfile=traefik.yml'],
  },
  {
    name: 'envoy',
    program: programOf('envoy'),
    version: '--version',
    args: () => ['-c', 'envoy.yaml', '--use-dynamic-base-id', '--log-level', 'error'],
    guardFile: 'guard.json',
  },
]

/** Why a proxy cannot be tried here; `false` where it can. For `t.test(name, { skip })`. */
export function missing({ name, program, version }: Recipe): string | false {
  const isThere = spawnSync(program, [version]).status === 0
  return isThere ? noCertificate() : `not here: ${name} (on PATH, or ${name.toUpperCase()}=…)`
}

export interface Started {
  /** One by http, one by https. */
  readonly origins: readonly string[]
  readonly ca: Buffer
}

/** The shipped files with other ports, and a certificate for `localhost`. */
export function prepareRecipe(recipe: Recipe, ports: Readonly<Record<string, number>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-proxy-'))
  for (const file of readdirSync(join(EXAMPLES, recipe.name))) {
    cpSync(join(EXAMPLES, recipe.name, file), join(folder, file))
    const written = readFileSync(join(folder, file), 'utf8')
      .replace(/\b(?:8090|8443|3000|9191)\b/g, (port) => String(ports[port]))
      .replace('http {', `pid ${folder}/nginx.pid;\nhttp {\n  access_log off;`)
    writeFileSync(join(folder, file), written)
  }
  writeCertificate(folder)
  return folder
}

/** Starts a proxy with its recipe and waits until it asks the guard, and both of its listeners are there. */
export async function startProxy(
  t: Test,
  recipe: Recipe,
  { guard, api }: { guard: number; api: number },
): Promise<Started> {
  const [plain, tls] = [await freePort(), await freePort()]
  const folder = prepareRecipe(recipe, { 8090: plain, 8443: tls, 3000: api, 9191: guard })
  const child = spawn(recipe.program, recipe.args(folder), {
    cwd: folder,
    env: { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what is on PATH may be a wrapper that starts the proxy.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  t.teardown(async () => {
    if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  const isUp = async () => (await listens(tls)) && (await refuses(`http://127.0.0.1:${plain}`))
  while (!(await isUp())) {
    if (child.exitCode !== null) throw new Error(`${recipe.name} did not start: ${output}`)
    await sleep(50)
  }
  return {
    origins: [`http://127.0.0.1:${plain}`, `https://127.0.0.1:${tls}`],
    ca: readFileSync(join(folder, 'tls.crt')),
  }
}

/** Whether a request without a token is refused, as the guard says it; before its routes are read, Traefik answers 404. */
function refuses(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ status }) => status === 401,
    () => false,
  )
}
