import pg from 'pg'
import { QUERY_MILLISECONDS } from './connection-settings.ts'

/** Returns false where PostgreSQL cannot be asked, or does not know the pid: poolers invent pids. */
export async function isBackendGone(config: pg.ClientConfig, pid: number): Promise<boolean> {
  const client = new pg.Client({ ...config, query_timeout: QUERY_MILLISECONDS })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query(
      'select pg_backend_pid() as own, exists (select from pg_stat_activity where pid = $1) as there',
      [pid],
    )
    return rows[0].own === (client as unknown as { processID: number }).processID && !rows[0].there
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
