import type { RawBuilder } from 'kysely'
import type { PoolClient } from 'pg'
import { type Database, poolOf } from './database.ts'
import type { PatientClient } from './patient-client.ts'

/**
 * Runs a query that begins with `select`. PostgreSQL cancels it when the signal aborts.
 * @throws the signal's reason
 */
export async function executeCancellable<T>(
  db: Database,
  query: RawBuilder<T>,
  signal: AbortSignal | undefined,
): Promise<T[]> {
  if (!signal) return (await query.execute(db)).rows
  signal.throwIfAborted()
  const client = (await poolOf(db).connect()) as unknown as PoolClient & PatientClient
  const cancel = () => client.cancelQuery()
  signal.addEventListener('abort', cancel)
  try {
    signal.throwIfAborted()
    const { sql, parameters } = query.compile(db)
    return (await client.query(sql, [...parameters])).rows as T[]
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', cancel)
    client.release()
  }
}
