import { mock } from 'node:test'
import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test('the activity of a realm and an account is shown by command', async (t) => {
  // The command has the time of the system, and midnight may come between two of them.
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const databaseUrl = await testDatabase(t)
  const { operations, clock } = await testServer(t, { databaseUrl })
  clock.now = new Date()
  const { id } = await operations.realms.create(TESTER, 'acme')
  const { account } = await operations.accounts.create(TESTER, 'acme', { name: 'CI' })
  const { clientId } = account
  const run = (...args: string[]) => mintmark(args, onDatabase(databaseUrl))
  t.match((await run('realm', 'activity', 'acme')).stdout, 'No requests for a token in the last 90 days.')
  for (let n = 0; n < 3; n++) operations.tokenCounts.noteIssued(id, clientId, '192.0.2.7', 'curl/8')
  await operations.tokenCounts.write()
  t.match(
    (await run('realm', 'activity', 'acme')).stdout,
    /^HOUR \(UTC\) +ISSUED +REFUSED\n.+ 3 +0\n\nDAY .+\n.+ 3 +0\n\nMOST TOKENS TODAY +ISSUED +REFUSED +NEEDED\nsa_\S+ +3 +0 +\d+\n/,
  )
  const own = ['service-account', 'activity', clientId, '--realm', 'acme']
  t.match((await run(...own)).stdout, /^HOUR \(UTC\) +ISSUED +REFUSED\n/)
  t.match(JSON.parse((await run(...own, '--json')).stdout), { hours: [{ issued: 3 }], days: [{ issued: 3 }] })
  t.equal((await run('service-account', 'activity', 'nope', '--realm', 'acme')).code, 3)
})
