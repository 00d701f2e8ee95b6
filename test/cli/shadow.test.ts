import t from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { onDatabase } from '../support/process.ts'
import { TESTER, testServer } from '../support/server.ts'

const databaseUrl = await testDatabase(t)
const { operations } = await testServer(t, { databaseUrl })
await operations.realms.create(TESTER, 'acme')
const run = (...args: string[]) => mintmark(args, onDatabase(databaseUrl))

t.test('a realm is put into shadow mode, its counts are shown and forgotten, by command', async (t) => {
  t.match(await run('realm', 'update', 'acme', '--shadow-mode', 'maybe'), { code: 2, stderr: 'on or off' })
  t.equal((await run('realm', 'update', 'acme', '--shadow-mode', 'on')).code, 0)
  t.match((await run('realm', 'show', 'acme')).stdout, /shadow mode +on: it gives no tokens/)
  t.equal(JSON.parse((await run('realm', 'show', 'acme', '--json')).stdout).shadow_mode, true)
  t.match((await run('realm', 'shadow', 'acme')).stdout, 'nothing was counted yet')

  const stranger = { clientId: 'plant-7', clientSecret: 'x' }
  const refusal = await operations.clients
    .authenticate('acme', stranger, '198.51.100.7')
    .catch((error) => error)
  operations.shadow.noteRefusal('acme', stranger.clientId, refusal)
  await operations.shadow.write()
  const { stdout } = await run('realm', 'shadow', 'acme')
  t.match(stdout, /^shadow mode +on\n/)
  t.match(stdout, /would have failed +unknown_client 1\n/)
  t.match(stdout, /\n\nCLIENT_ID +REASON +COUNT +LAST\nplant-7 +unknown_client +1 /)
  t.match(JSON.parse((await run('realm', 'shadow', 'acme', '--json')).stdout), {
    shadow_mode: true,
    totals: { unknown_client: 1 },
    refused: [{ client_id: 'plant-7', reason: 'unknown_client', count: 1 }],
  })
  t.match(await run('realm', 'shadow', 'acme', '--reset'), { code: 0, stdout: 'are forgotten' })
  t.match((await run('realm', 'shadow', 'acme')).stdout, 'nothing was counted yet')
  t.equal((await run('realm', 'shadow', 'nope')).code, 3)
})
