import pg from 'pg'
import { CONNECTIONS, type Load, runLoad } from './load.ts'
import { startMintmark } from './mintmark.ts'
import type { BenchPostgres } from './postgres.ts'

/** A minute is long enough for a busy machine to answer 503 now and then. */
const MAX_REFUSED = 0.01

export type ShareLoad = Pick<Load, 'file' | 'order' | 'seconds' | 'amount'>

/**
 * What PostgreSQL does for each token of a server of its own, in CPU microseconds: from its first token until it has stopped, and so
 * written all that its tokens left in memory. Nothing else runs, and nothing of before is left to do.
 */
export async function databaseMicroseconds(
  databaseUrl: string,
  load: ShareLoad,
  postgres: BenchPostgres,
): Promise<number> {
  await settle(databaseUrl)
  const server = await startMintmark(databaseUrl)
  try {
    const before = postgres.cpu()
    const { completed, refused, failed } = await runLoad({
      ...load,
      url: server.url,
      connections: CONNECTIONS,
    })
    if (failed > 0 || refused > completed * MAX_REFUSED)
      throw new Error(`${refused + failed} of ${completed} requests got no token`)
    await server.stop()
    return (postgres.cpu() - before) / completed
  } finally {
    await server.stop()
  }
}

/** Written pages are flushed and tables vacuumed, so that no contestant pays for the one before. */
async function settle(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('vacuum analyze last_uses, never_used_accounts, token_counts, account_origins')
  await client.query('checkpoint')
  await client.end()
}
