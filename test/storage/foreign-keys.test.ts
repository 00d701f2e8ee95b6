import pg from 'pg'
import t from 'tap'
import { testDatabase } from '../support/postgres.ts'

t.test('each foreign key has an index, so that a deletion reads no whole table', async (t) => {
  const client = new pg.Client(await testDatabase(t))
  await client.connect()
  t.teardown(() => client.end())
  const { rows } = await client.query(`select c.conrelid::regclass::text as table, c.conname as name
    from pg_constraint c
    where c.contype = 'f' and not exists (
      select from pg_index i where i.indrelid = c.conrelid
        and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey and i.indpred is null)`)
  t.same(rows, [])
})
