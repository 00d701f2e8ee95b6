import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../../src/domain/clock.ts'
import { openOperations } from '../../src/operations/open.ts'
import { dataDirMaker, postmasterOf } from '../support/embedded.ts'
import { TESTER } from '../support/server.ts'

const WRITER = join(import.meta.dirname, '../support/write-accounts.ts')

/** What is known of an account from outside: its last acknowledged secret, and whether a reset was under way. */
interface Known {
  clientSecret?: string
  resetting?: boolean
}

function startWriter(dataDir: string, prefix: string, known: Map<string, Known>) {
  const child = spawn(process.execPath, [WRITER, dataDir, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const started = once(lines, 'line')
  lines.on('line', (line) => {
    const { clientId, clientSecret, resetting } = JSON.parse(line)
    if (clientId) known.set(clientId, resetting ? { ...known.get(clientId), resetting } : { clientSecret })
  })
  return { child, started, ended: once(child, 'close') }
}

const KILLED = ['writer', 'postgres', 'both', 'postgres', 'both', 'writer'] as const

t.test('acknowledged changes survive kill -9 of the writer, of PostgreSQL and of both', async (t) => {
  const dataDir = (await dataDirMaker(t))(t)
  const known = new Map<string, Known>()
  for (const [round, killed] of KILLED.entries()) {
    const { child, started, ended } = startWriter(dataDir, `round-${round}`, known)
    await started
    // At any moment of the work on one account or another.
    const before = known.size
    while (known.size < before + 4) await sleep(5)
    await sleep(Math.random() * 50)
    const postmaster = await postmasterOf(dataDir)
    if (killed !== 'writer') process.kill(postmaster, 'SIGKILL')
    // It goes on with a PostgreSQL that it starts again itself.
    if (killed === 'postgres') await sleep(700)
    t.equal(child.exitCode, null, 'the writer is none the worse for it')
    child.kill('SIGKILL')
    await ended
  }

  const opened = await openOperations({
    databaseUrl: undefined,
    dataDir,
    publicUrl: 'http://localhost',
    masterKeys: undefined,
    clock: systemClock,
    poolSize: 4,
    databaseWaitSeconds: 30,
    log: () => {},
  })
  t.teardown(() => opened.close())
  const { operations } = opened
  t.ok(known.size >= 24, `${known.size} accounts`)
  for (const [clientId, { clientSecret, resetting }] of known) {
    await operations.accounts.find(TESTER, 'crash', clientId)
    // A reset that was not acknowledged may have been made all the same: then the old secret is dead.
    const works = operations.clients.authenticate(
      'crash',
      { clientId, clientSecret: clientSecret as string },
      '127.0.0.1',
    )
    await works.catch((error: unknown) => {
      if (!resetting) throw error
    })
  }
  const { serviceAccountCount } = await operations.realms.find(TESTER, 'crash')
  const { items } = await operations.accounts.list(TESTER, 'crash', { after: '', limit: 10_000 })
  t.equal(serviceAccountCount, items.length, 'no half of a creation')
})
