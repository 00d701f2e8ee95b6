import { type RawBuilder, sql } from 'kysely'

/** Place in a list that is in order of type, id and, where it has one, role. */
interface Position {
  readonly type: string
  readonly id: string
  readonly role?: string
}

/**
 * Rows of a table after a position. Where one type is asked for, the comparison leaves it out: with it, PostgreSQL reads
 * the index from the beginning of that type.
 */
export function isAfter(
  table: string,
  { type, id, role }: Position,
  askedType: string | undefined,
): RawBuilder<boolean> {
  const values = { ...(askedType !== type && { type }), id, ...(role !== undefined && { role }) }
  const columns = Object.keys(values).map((column) => sql.ref(`${table}.${column}`))
  return sql<boolean>`(${sql.join(columns)}) > (${sql.join(Object.values(values))})`
}
