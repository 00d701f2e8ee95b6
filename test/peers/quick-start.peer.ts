import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createVerifier } from '../../packages/verifier/src/index.ts'
import { missing } from './programs.ts'
import { QUICK_STARTS } from './quick-starts.ts'
import { runPeer } from './start.ts'
import { worksWith } from './works-with.ts'
import { peerWorld, type World } from './world.ts'

/** An API that takes the realm's tokens, and reads the list of those that ended. */
async function startApi(t: Test, { issuer, now }: World): Promise<string> {
  const verifier = createVerifier({ issuer, audience: issuer, now: () => now().getTime() })
  const api = createServer((request, response) => {
    verifier.authenticate(request).then(
      ({ clientId }) => response.end(`hello ${clientId}`),
      (error) => response.writeHead(error.status ?? 500).end(),
    )
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  t.teardown(() => api.close())
  return `http://127.0.0.1:${(api.address() as AddressInfo).port}/`
}

for (const { name, version, settings, code, file, needs, prepare, command } of QUICK_STARTS)
  t.test(
    `the quick start for ${name} calls an API, and is refused once its account is deleted`,
    { skip: missing(...needs) },
    async (t) => {
      const world = await peerWorld(t)
      const options = { cwd: world.folder, env: { ...world.env, API_URL: await startApi(t, world) } }
      writeFileSync(join(world.folder, file), code)
      await prepare?.(world.folder)
      t.match(await runPeer(command, options), { ok: true, output: `hello ${world.clientId}` })
      await world.rotateKeys()
      t.match((await runPeer(command, options)).output, `hello ${world.clientId}`, 'signed by the new key')
      await world.deleteAccount()
      t.notMatch((await runPeer(command, options)).output, 'hello')
      worksWith(t, {
        peer: name,
        version: version(),
        settings,
        deletion: 'at its next token request',
        rotation: 'not concerned',
      })
    },
  )
