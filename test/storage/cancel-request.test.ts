import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { type CancelKey, requestCancel } from '../../src/storage/cancel-request.ts'
import { ownPostgres } from '../support/own-postgres.ts'
import { testDatabase } from '../support/postgres.ts'
import { unprivileged } from '../support/postgres-server.ts'
import { temporaryFolder } from '../support/process.ts'

async function cancels(t: import('tap').Test, config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(config)
  await client.connect()
  t.teardown(() => client.end())
  const sleeping = client.query('select pg_sleep(30)').catch((error: unknown) => error)
  await untilAsleep(config)
  await requestCancel(config, client as unknown as CancelKey)
  t.match(await sleeping, { code: '57014' })
}

/** A request that comes before the statement cancels nothing. */
async function untilAsleep(config: pg.ClientConfig): Promise<void> {
  const watcher = new pg.Client(config)
  await watcher.connect()
  const asleep = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
  while ((await watcher.query(asleep)).rowCount === 0) await sleep(10)
  await watcher.end()
}

t.test('a statement is cancelled by way of a socket', async (t) => {
  await cancels(t, { connectionString: await testDatabase(t) })
})

t.test('a statement is cancelled over TLS, and nothing is said without it', async (t) => {
  const folder = temporaryFolder(t)
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const files = ['-keyout', key, '-out', certificate]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', ...files],
    { stdio: 'ignore' },
  )
  const owner = unprivileged()
  if (owner) chownSync(key, owner.uid, owner.gid)
  const settings = ['ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`]
  const { databaseUrl } = await ownPostgres(t, { folder, settings })
  await cancels(t, { connectionString: databaseUrl, ssl: { rejectUnauthorized: false } })
})

t.test('an unanswered cancel request is dropped after a second', async (t) => {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let isOver = false
  const connected = once(server, 'connection')
  const requested = requestCancel({ host: '127.0.0.1', port }, { processID: 1, secretKey: 2 }).then(() => {
    isOver = true
  })
  const [socket] = await connected
  mock.timers.tick(999)
  await new Promise(setImmediate)
  t.notOk(isOver)
  mock.timers.tick(1)
  await requested
  mock.timers.reset()
  socket.resume()
  await once(socket, 'close')
  await t.resolves(requestCancel({ host: '127.0.0.1', port: 1 }, { processID: 1, secretKey: 2 }))
})
