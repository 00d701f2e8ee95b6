import t from 'tap'
import { isReading } from '../../src/storage/reading-statements.ts'

t.test('a statement without effects is reading, also one that begins with a named query', async (t) => {
  for (const text of [
    'select 1',
    '\n  SELECT id from realms for update',
    '(select 1) union (select 2)',
    'with a as (select 1) select * from a',
    '  With recursive a(n) as (select 1 union all select n + 1 from a) select * from a',
    'with a as materialized (select updated_at, deleted from x) select * from a',
  ])
    t.equal(isReading(text), true, text)
})

t.test('a statement that may write is never taken for reading', async (t) => {
  for (const text of [
    'insert into a select 1',
    'update a set b = 1',
    'delete from a',
    'commit',
    'begin',
    'rollback',
    '',
    'selected',
    'without',
    'with a as (insert into x values (1) returning id) select * from a',
    'with a as (select 1) update x set y = 1',
    'WITH a AS (SELECT 1) DELETE FROM x',
    'with a as (select 1) merge into x using a on true when matched then do nothing',
    'with a as (select 1), b as (\n\tUPDATE x set y = 1 returning 1) select 1',
    '-- select\nupdate x set y = 1',
    '/* select */ delete from x',
    'explain analyze delete from x',
    'do $$ begin delete from x; end $$',
    'call f()',
  ])
    t.equal(isReading(text), false, text)
})
