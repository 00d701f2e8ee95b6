import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../support/free-port.ts'
import { apiBehind, statusAt } from './gateways.ts'
import { missing } from './programs.ts'
import { answersAt, startPeer, stopPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

/** HAProxy with the key of that name; it reads a new one when it is started again. */
async function startHaproxy(t: Test, world: World, { kid, api }: { kid: string; api: number }) {
  const port = await freePort()
  const certs = `${world.issuer}/protocol/openid-connect/certs?format=pem&kid=${kid}`
  mkdirSync(join(world.folder, 'keys'), { recursive: true })
  writeFileSync(join(world.folder, 'keys/current.pem'), await (await fetch(certs)).text())
  const configuration = readFileSync(join(import.meta.dirname, 'haproxy.cfg'), 'utf8')
    .replace('https://auth.example/realms/acme', world.issuer)
    .replace('127.0.0.1:8090', `127.0.0.1:${port}`)
    .replace('127.0.0.1:3000', `127.0.0.1:${api}`)
  writeFileSync(join(world.folder, 'haproxy.cfg'), configuration)
  const url = `http://127.0.0.1:${port}/`
  const options = { cwd: world.folder, isReady: answersAt(url) }
  return { url, process: await startPeer(t, ['haproxy', '-f', 'haproxy.cfg'], options) }
}

t.test(
  'HAProxy accepts tokens that the PEM of the realm verifies, and needs it anew for a new key',
  { skip: missing(['HAProxy', 'haproxy', '-v']) },
  async (t) => {
    const world = await peerWorld(t, { audiences: ['https://api.example'] })
    const api = (await apiBehind(t)).port
    const before = await startHaproxy(t, world, { kid: await world.kid(), api })
    const old = await world.token()
    t.equal(await statusAt(before.url, old), 200)
    t.equal(await statusAt(before.url, `${old.slice(0, -8)}AAAAAAAA`), 401, 'a forged signature')
    t.equal(await statusAt(before.url, await (await peerWorld(t)).token()), 401, 'another issuer')
    t.equal(await statusAt(before.url), 401)

    const kid = await world.rotateKeys()
    const token = await world.token()
    t.equal(await statusAt(before.url, token), 401, 'the old key verifies no token of the new one')
    await stopPeer(before.process)
    const after = await startHaproxy(t, world, { kid, api })
    t.equal(await statusAt(after.url, token), 200, 'signed by the new key')
    const { stdout } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' })
    worksWith(t, {
      peer: 'HAProxy, jwt_verify',
      version: /version ([\d.]+)/.exec(stdout)?.[1] ?? '',
      settings: '`certs?format=pem&kid=…`',
      deletion: 'when its token expires',
      rotation: 'needs its PEM, and a reload',
    })
  },
)
