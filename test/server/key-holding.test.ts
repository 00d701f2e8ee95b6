import pg from 'pg'
import pino from 'pino'
import t from 'tap'
import { startKeyHolding } from '../../src/server/jobs/key-holding.ts'
import { TESTER, testServer } from '../support/server.ts'

const quiet = pino({ level: 'silent' })

t.test('a running server announces its master keys at once, and withdraws them when it stops', async (t) => {
  const { databaseUrl } = await testServer(t)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  const { operations } = await testServer(t, { databaseUrl })
  const holders = async () => (await client.query('select address, key_ids from master_key_holders')).rows
  const running = startKeyHolding(operations, 8080, quiet)
  while ((await holders()).length === 0) await new Promise(setImmediate)
  const [holder] = await holders()
  t.match(holder.address, /:8080$/)
  t.equal(holder.key_ids.length, 1)
  await running.close()
  t.same(await holders(), [])
  t.equal(await operations.masterKey.rotate(TESTER), 0)
})

t.test('a server that may not announce its master keys says once what to do', async (t) => {
  const lines: string[] = []
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line).msg) })
  const denied = Object.assign(
    new pg.DatabaseError('permission denied for table master_key_holders', 0, 'error'),
    {
      code: '42501',
    },
  )
  const masterKey = { announce: () => Promise.reject(denied), withdraw: async () => {} }
  const running = startKeyHolding({ masterKey } as never, 8080, logger)
  while (lines.length === 0) await new Promise(setImmediate)
  await running.close()
  t.equal(lines.length, 1)
  t.match(
    lines[0],
    /^mintmark master-key rotate does not see this server: .*permission denied.*database-roles\.sql/,
  )
})
