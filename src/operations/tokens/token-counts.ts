import type { RefusedReason } from '../../domain/refused-request.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { addTokenCounts, type CountOwner, type NotedCount } from '../../storage/token-counts.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { activityDetails } from './activity-details.ts'
import { type Count, type CountedHour, countedHours, REALM_ITSELF } from './counted-hours.ts'
import { origins } from './origins.ts'
import { writeUnheld } from './realm-batches.ts'

/** Counts waiting for a database that is away. Beyond it the oldest are forgotten. */
const MAX_WAITING = 500_000

/** Accounts per statement, each with an hour and a day. */
const BATCH = 500

/** Busy accounts are written once a minute, as their last use is. */
const WRITTEN_EVERY_MILLISECONDS = 60_000

const UNHELD = {
  realmOf: ({ realmId }: CountedHour) => realmId,
  write: (trx: DatabaseTransaction, batch: readonly CountedHour[]) => addTokenCounts(trx, batch.map(toNoted)),
}

/** A refusal as it is counted. */
export interface RefusedRequest {
  readonly reason: RefusedReason
  readonly address: string
  readonly userAgent: string
}

export type TokenCounts = ReturnType<typeof tokenCounts>

/** Counts what is issued and refused by account and realm. Gathered in memory, and written about once a minute. */
export function tokenCounts(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  realms: Pick<LoadedRealms, 'inMemory'>,
) {
  const hours = countedHours({ clock })
  const seen = origins()
  const details = activityDetails(db)
  let unwritten: CountedHour[] = []
  let writtenAt = clock().getTime()

  async function write(owners?: readonly CountOwner[]): Promise<number> {
    const taken = hours.take(owners)
    if (!owners) seen.forget()
    details.add(taken)
    unwritten = [...unwritten, ...taken].slice(-MAX_WAITING)
    const waiting = unwritten.length
    for (let left = waiting; left > 0; left -= BATCH) {
      const batch = unwritten.slice(0, BATCH)
      const held = await writeUnheld(db, batch, UNHELD)
      unwritten = [...unwritten.slice(batch.length), ...held]
    }
    await details.write()
    return waiting - unwritten.length
  }

  function writeAll(): Promise<number> {
    writtenAt = clock().getTime()
    return write()
  }

  return {
    /** Never waits and never fails. */
    noteIssued(realmId: string, clientId: string, address: string, userAgent: string): void {
      const count = hours.of(realmId, clientId)
      count.issued++
      count.origins ??= []
      seen.seeIssued(count.origins, address, userAgent)
      hours.of(realmId, REALM_ITSELF).issued++
    },

    /**
     * Counts a refusal in a realm that this process knows; for an account only where it exists.
     * @param clientId as the request said it
     */
    noteRefused(realmName: string, clientId: string | undefined, refused: RefusedRequest): void {
      const id = realms.inMemory(realmName)?.id
      if (id === undefined) return
      addRefusal(hours.of(id, REALM_ITSELF), refused.reason)
      const count = clientId === undefined ? undefined : hours.ofSaid(id, clientId)
      if (!count) return
      const { origins } = addRefusal(count, refused.reason)
      seen.seeRefused(origins, refused.address, refused.userAgent)
    },

    /** Writes all that was counted, and returns how many rows. What fails is written later. */
    write: writeAll,

    /** Writes those of some accounts and realms, and returns whether nothing waits any more. */
    writeOf: async (owners: readonly CountOwner[]): Promise<boolean> => {
      await write(owners)
      return unwritten.length === 0
    },

    /** Writes all, at most once a minute. */
    writeDue: (): Promise<number> => {
      const since = clock().getTime() - writtenAt
      return since >= 0 && since < WRITTEN_EVERY_MILLISECONDS ? Promise.resolve(0) : writeAll()
    },
  }
}

function addRefusal(count: Count, reason: RefusedReason) {
  count.refused++
  count.refusals ??= { reasons: new Map(), origins: [] }
  count.refusals.reasons.set(reason, (count.refusals.reasons.get(reason) ?? 0) + 1)
  return count.refusals
}

function toNoted({ realmId, clientId, startsAt, count: { issued, refused } }: CountedHour): NotedCount {
  return { realmId, clientId, startsAt, issued, refused }
}
