import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { isDatabaseAway, openDatabase } from '../../src/storage/database.ts'
import { rowTypes } from '../../src/storage/row-values.ts'
import { testDatabase } from '../support/postgres.ts'

const { BOOL, BYTEA, INT2, INT4, INT8, JSONB, TEXT, TIMESTAMPTZ } = pg.types.builtins
const INT4_ARRAY = 1007
const TEXT_ARRAY = 1009

function read(oid: number, text: string): unknown {
  return rowTypes.getTypeParser(oid, 'text')(text)
}

t.test('a value is read in the form that PostgreSQL gives it', async (t) => {
  t.same(read(TIMESTAMPTZ, '2026-11-28 04:00:00.123456+00'), new Date('2026-11-28T04:00:00.123Z'))
  t.same(read(TIMESTAMPTZ, '2026-11-28 04:00:00+05:30'), new Date('2026-11-27T22:30:00Z'))
  t.equal(read(TIMESTAMPTZ, '-infinity'), -Infinity)
  t.equal(read(BOOL, 't'), true)
  t.equal(read(BOOL, 'f'), false)
  t.equal(read(INT4, '-12'), -12)
  t.equal(read(INT8, '9007199254740993'), '9007199254740993')
  t.same(read(BYTEA, '\\x00ff'), Buffer.from([0, 255]))
  t.same(read(BYTEA, '\\000a\\\\'), Buffer.from('\0a\\'), 'where bytea_output is escape')
  t.same(read(INT4_ARRAY, '{1,-2}'), [1, -2])
  t.same(read(INT4_ARRAY, '{}'), [])
  t.same(read(TEXT_ARRAY, '{a,"b c"}'), ['a', 'b c'])
  t.same(read(JSONB, '{"a":null}'), { a: null })
  t.equal(read(TEXT, ''), '')
})

t.test('a value in another form is an error and never an absent value', async (t) => {
  for (const [oid, texts] of [
    [
      TIMESTAMPTZ,
      [
        '28/11/2026 04:00:00 UTC',
        '294000-01-01 00:00:00+00',
        '28.11.2026 04:00:00 UTC',
        'Sat Nov 28 04:00:00 2026 UTC',
        '2026-11-28',
        '',
      ],
    ],
    [BOOL, ['', 'yes', 'T', '0']],
    [INT2, ['', 'x', '1.5']],
    [INT4, ['', 'NaN', '0x10']],
    [INT8, ['', '1e3']],
    [BYTEA, ['\\x0', '\\xzz']],
    [INT4_ARRAY, ['', 'x', '1,2']],
    [TEXT_ARRAY, ['', 'a']],
    [JSONB, ['', '{']],
    [pg.types.builtins.DATE, ['28.11.2026']],
  ] as const)
    for (const text of texts) t.throws(() => read(oid, text), `${oid} ${text}`)
})

t.test('a row that cannot be read fails its query as a fault of the database', async (t) => {
  const db = openDatabase({ connectionString: await testDatabase(t), poolSize: 1, onIdleError: () => {} })
  t.teardown(() => db.destroy())
  const reading = sql`select 'infinity'::date as day`.execute(db)
  t.match(await reading.then(({ rows }) => rows), [{ day: Infinity }])
  // Makes PostgreSQL send a form that no setting of ours asked for.
  const failing = sql`select set_config('datestyle', 'German', true), now()`.execute(db)
  const error = await failing.catch((reason: unknown) => reason)
  t.match(error, { name: 'UnreadableValueError' })
  t.ok(isDatabaseAway(error))
})
