import { flushCompileCache } from 'node:module'
import type { Actor } from '../../src/domain/actor.ts'
import { PLATFORM_AUTHORITY } from '../../src/domain/authority.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { openOperations } from '../../src/operations/open.ts'

// Creates and resets service accounts in an embedded database until it is killed; says first what it is about to do,
// and then what was acknowledged.
const WRITER: Actor = { kind: 'cli', id: 'writer', address: undefined, authority: PLATFORM_AUTHORITY }
const [dataDir, prefix] = process.argv.slice(2) as [string, string]
const { operations } = await openOperations({
  databaseUrl: undefined,
  dataDir,
  publicUrl: 'http://localhost',
  masterKeys: undefined,
  clock: systemClock,
  poolSize: 4,
  databaseWaitSeconds: 30,
  log: () => {},
})
// It ends by being killed: the next one would compile all again.
flushCompileCache()
await operations.realms
  .create(WRITER, 'crash', { serviceAccountLimit: 10_000 })
  .catch((error: { code?: string }) => {
    if (error.code !== 'name_taken') throw error
  })

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
say({ started: true })

for (let n = 0; ; n++) {
  try {
    const { account, clientSecret } = await operations.accounts.create(WRITER, 'crash', {
      name: `${prefix}-${n}`,
    })
    const { clientId } = account
    say({ clientId, clientSecret })
    say({ clientId, resetting: true })
    const reset = await operations.secrets.reset(WRITER, 'crash', clientId)
    say({ clientId, clientSecret: reset.clientSecret })
  } catch {
    // The database was killed: what was under way was not acknowledged.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
