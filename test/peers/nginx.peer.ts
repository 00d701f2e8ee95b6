import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { apiBehind, statusAt } from './gateways.ts'
import { missing } from './programs.ts'
import { answersAt, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { type Credentials, peerWorld, type World } from './world.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/nginx')
const MODULE = '/usr/lib/nginx/modules/ngx_http_js_module.so'

/** The example's nginx in front of the API. Returns the URL of the API through it. */
async function startNginx(
  t: Test,
  { issuer, origin, folder }: World,
  { asker, api }: { asker: Credentials; api: number },
): Promise<string> {
  const port = await freePort()
  const credentials = Buffer.from(`${asker.clientId}:${asker.clientSecret}`).toString('base64')
  cpSync(join(EXAMPLE, 'introspect.js'), join(folder, 'introspect.js'))
  const configuration = readFileSync(join(EXAMPLE, 'nginx.conf'), 'utf8')
    .replace('modules/ngx_http_js_module.so', MODULE)
    .replace('127.0.0.1:8090', `127.0.0.1:${port}`)
    .replace('http://127.0.0.1:3000', `http://127.0.0.1:${api}`)
    .replace('http://127.0.0.1:8080/realms/acme;', `${issuer};`)
    .replace('http://127.0.0.1:8080', origin)
    .replace('Basic CREDENTIALS', `Basic ${credentials}`)
    .replace('http {', `pid ${folder}/nginx.pid;\nhttp {\n  access_log off;`)
  writeFileSync(join(folder, 'nginx.conf'), configuration)
  const command = ['nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
  const url = `http://127.0.0.1:${port}/api/hello`
  await startPeer(t, command, { cwd: folder, isReady: answersAt(url) })
  return url
}

t.test(
  'nginx asks Mintmark about each token: a new key needs nothing, and a deleted account is refused at once',
  { skip: missing(['nginx', 'nginx', '-v'], ['its njs module', 'test', '-e', MODULE]) },
  async (t) => {
    const world = await peerWorld(t)
    const asker = await world.addAccount(['introspect'])
    const { port: api, seen } = await apiBehind(t)
    const url = await startNginx(t, world, { asker, api })
    const old = await world.token()
    t.equal(await statusAt(url, old, { 'x-client-id': 'somebody-else' }), 200)
    t.equal(seen()['x-client-id'], world.clientId)
    t.equal(await statusAt(url, `${old.slice(0, -8)}AAAAAAAA`), 401, 'a forged signature')
    t.equal(await statusAt(url, await (await peerWorld(t)).token()), 401, 'another issuer')
    t.equal(await statusAt(url), 401)

    await world.rotateKeys()
    t.equal(await statusAt(url, await world.token()), 200, 'signed by the new key')
    t.equal(await statusAt(url, old), 200, 'signed by the old key')
    await world.deleteAccount()
    t.equal(await statusAt(url, old), 401, 'of a deleted account')
    const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
    worksWith(t, {
      peer: 'nginx, auth_request and njs',
      version: /nginx\/([\d.]+)/.exec(stderr)?.[1] ?? '',
      settings: '`examples/nginx`',
      deletion: 'at once',
      rotation: 'is taken at its first token',
    })
  },
)
