import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../support/free-port.ts'
import { missing, PEERS } from './programs.ts'
import { answersAt, startPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld } from './world.ts'

/** What the set-up built, or the machine's own. */
const OPA = existsSync(join(PEERS, 'bin/opa')) ? join(PEERS, 'bin/opa') : 'opa'

t.test(
  'Open Policy Agent decides by tokens of the realm, and its new key',
  { skip: missing(['Open Policy Agent', OPA, 'version']) },
  async (t) => {
    const world = await peerWorld(t, { scopes: ['view', 'other'] })
    const port = await freePort()
    const data = join(world.folder, 'data.json')
    writeFileSync(data, JSON.stringify({ issuer: world.issuer, audience: world.issuer }))
    const policy = join(import.meta.dirname, 'opa.rego')
    const url = `http://127.0.0.1:${port}`
    await startPeer(t, [OPA, 'run', '--server', '--addr', `127.0.0.1:${port}`, policy, data], {
      cwd: world.folder,
      isReady: answersAt(`${url}/health`),
    })
    const allows = async (token: string): Promise<boolean> => {
      const body = JSON.stringify({ input: { token } })
      const answer = await fetch(`${url}/v1/data/api/allow`, { method: 'POST', body })
      return ((await answer.json()) as { result: boolean }).result
    }

    t.equal(await allows(await world.token()), true)
    t.equal(await allows(await world.token(await world.addAccount([], ['other']))), false, 'another scope')
    t.equal(await allows(await (await peerWorld(t)).token()), false, 'another issuer')
    await world.rotateKeys()
    const token = await world.token()
    while (!(await allows(token))) await sleep(200)
    t.pass('the new key')

    const { stdout } = spawnSync(OPA, ['version'], { encoding: 'utf8' })
    worksWith(t, {
      peer: 'Open Policy Agent, io.jwt.decode_verify',
      version: /Version: ([\d.]+)/.exec(stdout)?.[1] ?? '',
      settings: '`cert`, `iss`, `aud`',
      deletion: 'when its token expires',
      rotation: 'fetches the keys',
    })
  },
)
