import type pg from 'pg'

interface Copies {
  readonly table: string
  /** Columns that differ, each with its SQL expression. */
  readonly changed: Readonly<Record<string, string>>
  /** What follows `from the table as x`, as more tables and a condition. */
  readonly from: string
  readonly values?: readonly unknown[]
}

/** Inserts copies of rows of a table. Records made from JSON take several times as long. */
export async function insertCopies(
  client: pg.Client,
  { table, changed, from, values = [] }: Copies,
): Promise<void> {
  const { rows } = await client.query(
    `select attname as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  )
  const columns = rows.map(({ name }) => name as string)
  await client.query(
    `insert into ${table} (${columns}) overriding system value
     select ${columns.map((name) => changed[name] ?? `x.${name}`)} from ${table} as x ${from}`,
    [...values],
  )
}
