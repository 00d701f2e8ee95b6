import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../support/free-port.ts'
import { statusAt } from './gateways.ts'
import { GO, missing, setUp } from './programs.ts'
import { answersAt, runPeer, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld } from './world.ts'

const PROGRAM = join(import.meta.dirname, 'go-oidc')

t.test(
  'go-oidc accepts tokens of the realm by discovery, and its new key',
  { skip: missing(GO, setUp('go')) },
  async (t) => {
    const world = await peerWorld(t)
    const program = join(world.folder, 'go-oidc')
    const built = await runPeer(['go', 'build', '-o', program, '.'], { cwd: PROGRAM })
    if (!built.ok) throw new Error(built.output)
    const address = `127.0.0.1:${await freePort()}`
    const url = `http://${address}/`
    await startPeer(t, [program], {
      cwd: world.folder,
      env: { ...world.env, AUDIENCE: world.issuer, LISTEN: address },
      isReady: answersAt(url),
    })
    t.equal(await statusAt(url, await world.token()), 200)
    t.equal(await statusAt(url, 'forged'), 401)
    t.equal(await statusAt(url, await (await peerWorld(t)).token()), 401, 'a token of another issuer')
    await world.rotateKeys()
    t.equal(await statusAt(url, await world.token()), 200, 'signed by the new key')
    worksWith(t, {
      peer: 'github.com/coreos/go-oidc',
      version: /go-oidc\/v3 v([\d.]+)/.exec(readFileSync(join(PROGRAM, 'go.mod'), 'utf8'))?.[1] ?? '',
      settings: '`NewProvider`; `ClientID` is the audience',
      deletion: 'when its token expires',
      rotation: 'fetches the keys',
    })
  },
)
