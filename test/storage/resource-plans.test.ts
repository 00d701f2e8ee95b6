import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import {
  lockProtectedResources,
  upsertProtectedResources,
} from '../../src/storage/protected-resource-changes.ts'
import { findProtectedResources } from '../../src/storage/protected-resources.ts'
import { testDatabase } from '../support/postgres.ts'
import { recordStatements } from '../support/query-plans.ts'
import { TESTER, testServer } from '../support/server.ts'

t.test(
  'resources are found by their keys, however many of the realm came in the same transaction',
  async (t) => {
    const connectionString = await testDatabase(t)
    const client = new pg.Client(connectionString)
    await client.connect()
    t.teardown(() => client.end())
    const { operations } = await testServer(t, { databaseUrl: connectionString })
    const { id } = await operations.realms.create(TESTER, 'full')
    await client.query('alter table protected_resources set (autovacuum_enabled = off)')
    await client.query(`
    insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
    select ${id}, 'device', 'd' || n, 'd', 'd', now(), now() from generate_series(1, 20000) n`)
    await client.query(`insert into protected_resources (realm_id, type, id, name, search_key, created_at, updated_at)
    values (${id}, 'device_group', 'g', 'g', 'g', now(), now())`)
    await client.query(`insert into protected_resource_groups
    select ${id}, 'device', 'd' || n, 'device_group', 'g' from generate_series(1, 20000) n`)
    const db = openDatabase({ connectionString, poolSize: 1, onIdleError: () => {} })
    t.teardown(() => db.destroy())
    const entries = Array.from({ length: 500 }, (_, n) => ({
      type: 'device',
      id: `d${n * 7}`,
      name: 'x',
      groups: [],
    }))
    const statements = await recordStatements(async () => {
      t.equal((await findProtectedResources(db, id, entries)).length, 499)
      await db.transaction().execute(async (trx) => {
        const locked = await lockProtectedResources(trx, id, entries, 'update')
        t.same(
          locked.map(({ id }) => id),
          entries
            .map(({ id }) => id)
            .filter((id) => id !== 'd0')
            .sort(),
          'in one order',
        )
        t.same(await upsertProtectedResources(trx, id, entries, new Date()), [
          { type: 'device', id: 'd0', created: true },
        ])
      })
    })
    for (const { text, values } of statements.filter((one) => /protected_resource/.test(one.text))) {
      const { rows } = await client.query(`explain ${text}`, [...values])
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      t.notMatch(plan, /Seq Scan on protected_resource/, text)
    }
  },
)
