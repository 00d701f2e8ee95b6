import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { MASTER_KEY, TESTER, testServer } from '../support/server.ts'

/** Both ways to give a command. */
async function world(t: Test) {
  const server = await testServer(t)
  const { operations, databaseUrl } = server
  const address = await server.app.listen({ port: 0, host: '127.0.0.1' })
  await operations.realms.create(TESTER, 'acme')
  const admin = await operations.accounts.create(TESTER, 'acme', { name: 'Admin', roles: ['account-admin'] })
  const beside = { DATABASE_URL: databaseUrl, MASTER_KEY }
  const over = {
    MINTMARK_SERVER: address,
    MINTMARK_CLIENT_ID: admin.account.clientId,
    MINTMARK_CLIENT_SECRET: admin.clientSecret,
  }
  return { server, ways: [beside, over] }
}

const URL = 'https://ops.example.com/mintmark'

t.test(
  'a web hook is added, shown, tested, changed and deleted, beside the database and over the admin API',
  async (t) => {
    const { server, ways } = await world(t)
    for (const env of ways) {
      const run = (...args: string[]) => mintmark(['webhook', ...args, '--realm', 'acme'], env)
      const json = async (...args: string[]) =>
        JSON.parse((await mintmark(['--json', 'webhook', ...args, '--realm', 'acme'], env)).stdout)
      t.match((await run('list')).stdout, /no web hook\. Add one: mintmark webhook create --realm acme/)
      const made = await json(
        'create',
        '--url',
        URL,
        '--event',
        'secret.leaked',
        'limit.reached',
        '--description',
        'On call',
      )
      t.match(made, {
        url: URL,
        description: 'On call',
        events: ['secret.leaked', 'limit.reached'],
        enabled: true,
      })
      t.match(
        (await run('list')).stdout,
        new RegExp(`${made.id} +enabled +${URL} +secret.leaked, limit.reached`),
      )
      t.match((await run('show', made.id)).stdout, /^state +enabled$/m)
      t.match((await run('deliveries', made.id)).stdout, /^No deliveries in the last 14 days/)
      const ping = await json('test', made.id)
      t.match(ping, {
        type: 'ping',
        status: 'waiting',
        attempts: 0,
        payload: { type: 'ping', data: { realm: 'acme' } },
      })
      // A command has a clock of its own.
      server.clock.now = new Date()
      await server.operations.webhookSender.sendDue()
      await server.operations.webhookSender.idle()
      const [delivery] = await json('deliveries', made.id)
      t.match(delivery, { id: ping.id, status: 'failed', attempts: 1, last_status: null, last_error: String })
      t.match((await run('deliveries', made.id)).stdout, new RegExp(`${ping.id} .* ping +failed +1 `))
      t.match(await json('redeliver', made.id, ping.id), { id: ping.id, status: 'waiting' })
      t.match(await json('update', made.id, '--disabled', '--event', 'secret.too_old'), {
        enabled: false,
        events: ['secret.too_old'],
        description: 'On call',
      })
      t.match((await run('list')).stdout, / paused /)
      t.match(await run('test', made.id), { code: 4, stderr: /paused: enable it first/ })
      t.match(await run('redeliver', made.id, 'msg_none'), { code: 4 })
      t.match(await run('create', '--url', 'http://ops.example.com/'), { code: 1, stderr: /https/ })
      t.match(await run('create', '--url', URL, '--event', 'everything'), {
        code: 2,
        stderr: /secret\.leaked/,
      })
      t.match(await run('show', 'none'), { code: 3, stderr: /no web hook none/ })
      t.match(await json('delete', made.id), { id: made.id, deleted: true })
      const all = await json('create', '--url', URL, '--disabled')
      t.equal(all.events.length, 9, 'without --event it is told of everything')
      await run('delete', all.id)
    }
  },
)
