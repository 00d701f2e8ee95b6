import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { mintmark } from '../support/command.ts'
import { testDatabase } from '../support/postgres.ts'
import { crash, onDatabase, startServer } from '../support/process.ts'

/** A receiver that answers when the test lets it. */
async function receiver(t: Test) {
  const received: string[] = []
  const open: ServerResponse[] = []
  const state = { isHolding: true }
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      received.push(String(request.headers['webhook-id']))
      if (state.isHolding) open.push(response)
      else response.writeHead(204).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received, open, state }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

/** A server that is sending the first of three events, and has got no answer. */
async function sending(t: Test) {
  const databaseUrl = await testDatabase(t)
  const database = new pg.Client(databaseUrl)
  await database.connect()
  t.teardown(() => database.end())
  const environment = { ...onDatabase(databaseUrl), WEBHOOK_NETWORKS: '127.0.0.0/8' }
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await mintmark([...args, '--json'], environment)
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout)
  }
  const hook = await receiver(t)
  await command('realm', 'create', 'acme')
  await command('webhook', 'create', '--realm', 'acme', '--url', hook.url, '--event', 'signing_key.revoked')
  for (let n = 0; n < 3; n++) {
    const { kid } = await command('key', 'rotate', '--realm', 'acme')
    await command('key', 'revoke', '--realm', 'acme', kid, '--yes')
  }
  const start = () => startServer(t, environment)
  const server = await start()
  await until(() => hook.received.length === 1)
  return { ...hook, server, start, database, databaseUrl }
}

/** Starts it again, as long after the crash as the lease of the dead process lasts, and lets it send. */
async function arrivesAgain(t: Test, sent: Awaited<ReturnType<typeof sending>>) {
  const { database, received, state, start } = sent
  const { rows } = await database.query('select id from webhook_deliveries')
  t.equal(rows.length, 3)
  const open = async () => {
    const { rows } = await database.query('select from webhook_deliveries where delivered_at is null')
    return rows.length
  }
  t.equal(await open(), 3, 'nothing was noted as sent')
  const before = [...received]
  state.isHolding = false
  await database.query("update webhooks set leased_until = leased_until - interval '120 s'")
  await start()
  await until(async () => (await open()) === 0)
  t.same(
    received.slice(before.length).sort(),
    rows.map(({ id }) => id).sort(),
    'each comes after the restart',
  )
  t.equal(before.length, 1)
  t.ok(received.lastIndexOf(before[0] as string) > 0, 'what was sent already comes again, by the same id')
}

t.test('a server that is killed before a web hook answers sends the event again', async (t) => {
  const sent = await sending(t)
  await crash(sent.server)
  await arrivesAgain(t, sent)
})

t.test('a server that is killed before it notes the answer sends the event again', async (t) => {
  const sent = await sending(t)
  const lock = new pg.Client(sent.databaseUrl)
  await lock.connect()
  await lock.query('begin')
  await lock.query('select from webhooks for update')
  sent.open[0]?.writeHead(204).end()
  await until(async () => {
    const { rows } = await sent.database.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    return rows.length > 0
  })
  await crash(sent.server)
  await lock.query('rollback')
  await lock.end()
  await arrivesAgain(t, sent)
})
