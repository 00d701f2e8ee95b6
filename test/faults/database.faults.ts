import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../support/process.ts'
import { survive } from './fault.ts'

t.test('PostgreSQL is killed (-9) and started again', (t) =>
  survive(t, {
    recoverySeconds: 3,
    fault: async ({ postgres }) => {
      await postgres.signal('SIGKILL')
      await sleep(1000)
      await postgres.start()
    },
  }),
)

t.test('PostgreSQL is stopped for three seconds and started again', (t) =>
  survive(t, {
    recoverySeconds: 3,
    fault: async ({ postgres }) => {
      await postgres.signal('SIGINT')
      await sleep(3000)
      await postgres.start()
    },
  }),
)

t.test('PostgreSQL hangs for five seconds', (t) =>
  survive(t, {
    recoverySeconds: 5,
    fault: async ({ postgres }) => {
      await postgres.signal('SIGSTOP')
      await sleep(5000)
      await postgres.signal('SIGCONT')
    },
  }),
)

t.test('PostgreSQL is restarted three times under load', (t) =>
  survive(t, {
    recoverySeconds: 3,
    fault: async ({ postgres }) => {
      for (let n = 0; n < 3; n++) {
        await postgres.signal('SIGINT')
        await postgres.start()
        await sleep(500)
      }
    },
  }),
)

t.test('all connections are cut, ten times', (t) =>
  survive(t, {
    recoverySeconds: 2,
    fault: async ({ postgres }) => {
      for (let n = 0; n < 10; n++) {
        await postgres.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()',
        )
        await sleep(200)
      }
    },
  }),
)

t.test('others hold every connection that PostgreSQL has', (t) =>
  survive(t, {
    recoverySeconds: 3,
    fault: async ({ postgres }) => {
      await postgres.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mintmark'",
      )
      const held: pg.Client[] = []
      for (let n = 0; n < 60; n++) {
        const client = new pg.Client(postgres.databaseUrl)
        client.on('error', () => {})
        await client.connect().then(
          () => held.push(client),
          () => {},
        )
      }
      await sleep(3000)
      for (const client of held) await client.end()
    },
  }),
)

t.test('another session locks every row for three seconds', (t) =>
  survive(t, {
    recoverySeconds: 2,
    fault: async ({ postgres }) => {
      const client = new pg.Client(postgres.databaseUrl)
      await client.connect()
      await client.query('begin')
      for (const table of ['realms', 'service_accounts', 'client_secrets', 'signing_keys'])
        await client.query(`select from ${table} for update`)
      await sleep(3000)
      await client.query('rollback')
      await client.end()
    },
  }),
)

t.test('its disk is full for three seconds', async (t) => {
  const folder = smallDisk(t)
  const filler = join(folder, 'filler')
  await survive(t, {
    recoverySeconds: 10,
    postgres: { folder, settings: ['wal_recycle=off', 'min_wal_size=32MB', 'max_wal_size=64MB'] },
    fault: async ({ postgres }) => {
      const { bavail, bsize } = statfsSync(folder)
      writeFileSync(filler, Buffer.alloc(bavail * bsize - 64 * 1024))
      // What it has set aside for its log is used up too.
      for (let n = 0; n < 12; n++) {
        await postgres.query('create table if not exists filler (t text)').catch(() => {})
        await postgres
          .query('insert into filler select repeat(md5(n::text), 60) from generate_series(1, 5000) n')
          .catch(() => {})
        await sleep(250)
      }
      rmSync(filler)
      // A full disk may end PostgreSQL itself; then it is started again.
      if (!(await postgres.query('select 1').then(Boolean, () => false))) {
        await postgres.signal('SIGKILL')
        await postgres.start()
      }
    },
  })
  t.notOk(existsSync(filler))
})

/** A file system of its own, in memory: only root can make one. */
function smallDisk(t: Test): string {
  const folder = temporaryFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', folder])
  t.teardown(() => void execFileSync('umount', ['-l', folder]))
  return folder
}
