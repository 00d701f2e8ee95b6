import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_REPLICA_LAG_SECONDS } from '../domain/read-lease.ts'
import { awaitedReaders, fenceMilliseconds, type Reader } from '../domain/reader-wait.ts'
import type { Database } from '../storage/database.ts'
import { deleteSilentReader, findReaders, lockReaders } from '../storage/read-leases.ts'
import { shareReads } from './clients/shared-reads.ts'

/** How often to look while a change waits. */
const LOOK_MILLISECONDS = 20

/** Changes that look together. */
const MAX_BATCH = 1000

/** Longer than any node reads a standby on a proof that is older than the change. */
const UNKNOWN_MILLISECONDS = fenceMilliseconds(MAX_REPLICA_LAG_SECONDS.max * 1000)

/**
 * A committed change waits until every node with a standby sees it or has fenced itself. Never fails and never waits longer
 * than the longest lease, whatever is away: the change is made.
 */
export function createReaderWait(db: Database): () => Promise<void> {
  const look = shareLooks(() => findReaders(db))
  const lock = shareLooks(() => lockReaders(db))

  return async () => {
    const committedAt = performance.now()
    const elapsed = () => performance.now() - committedAt
    let readers: readonly Reader[] | undefined
    for (;;) {
      const found = await look()
      // A reader that has no row yet begins with a beat after the change.
      if (!readers) readers = found?.length ? await lock() : found
      else if (awaitedReaders(readers, found ?? readers, elapsed()).length === 0) break
      if (readers?.length === 0 || (!readers && elapsed() > UNKNOWN_MILLISECONDS)) return
      await sleep(LOOK_MILLISECONDS)
    }
    await forgetSilent(db, readers, elapsed())
  }
}

/** Changes that look at the same time look together. Each look begins after it was asked for, so after the change. */
function shareLooks(read: () => Promise<Reader[]>): () => Promise<readonly Reader[] | undefined> {
  const looks = shareReads(
    async (asked: readonly string[]) => {
      const readers = await read()
      return asked.map(() => readers)
    },
    MAX_BATCH,
    { maxReads: 1 },
  )
  return () => looks.load('').catch(() => undefined)
}

/** The next change need not wait for a process that has died. */
async function forgetSilent(db: Database, readers: readonly Reader[], elapsed: number): Promise<void> {
  const silent = readers.filter(({ leaseMilliseconds }) => elapsed >= fenceMilliseconds(leaseMilliseconds))
  await Promise.all(silent.map((reader) => deleteSilentReader(db, reader).catch(() => {})))
}
