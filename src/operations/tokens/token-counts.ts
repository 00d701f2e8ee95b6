import { PERIOD_SECONDS, PERIODS, type Period, startOf } from '../../domain/activity.ts'
import { isClientId } from '../../domain/service-account.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { addTokenCounts, type NotedCount } from '../../storage/token-counts.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { writeUnheld } from './realm-batches.ts'

/** Maximum of accounts counted between two writes; beyond it, requests are counted for their realm alone. */
const CAPACITY = 200_000

/** Of those, accounts that had refusals first: requests can make up client_ids. */
const REFUSED_CAPACITY = 20_000

/** Accounts per statement, each with an hour and a day. */
const BATCH = 500

/** Busy accounts are written once a minute, as their last use is. */
const WRITTEN_EVERY_MILLISECONDS = 60_000

const HOUR_MILLISECONDS = PERIOD_SECONDS.hour * 1000

/** Counts a realm as a client without a name. */
export const REALM_ITSELF = ''

interface Count {
  issued: number
  refused: number
}

/** What was asked for in an hour. */
interface Hour {
  readonly startsAt: number
  readonly realms: Map<string, Map<string, Count>>
}

interface Entry {
  readonly realmId: string
  readonly clientId: string
  readonly startsAt: Date
  readonly count: Count
}

const UNHELD = {
  realmOf: ({ realmId }: Entry) => realmId,
  write: (trx: DatabaseTransaction, batch: readonly Entry[]) =>
    addTokenCounts(
      trx,
      PERIODS.flatMap((period) => batch.map((entry) => toNoted(entry, period))),
    ),
}

export type TokenCounts = ReturnType<typeof tokenCounts>

/** Counts what is issued and refused by account and realm. Gathered in memory, and written about once a minute. */
export function tokenCounts(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  realms: Pick<LoadedRealms, 'inMemory'>,
) {
  let hour: Hour = { startsAt: 0, realms: new Map() }
  let unwritten: Entry[] = []
  let accounts = 0
  let strangers = 0
  let writtenAt = clock().getTime()

  function countOf(realmId: string, clientId: string): Count {
    const now = clock().getTime()
    if (now < hour.startsAt || now >= hour.startsAt + HOUR_MILLISECONDS) {
      setAside()
      hour = { startsAt: startOf('hour', new Date(now)).getTime(), realms: new Map() }
    }
    const realm = realmOf(realmId)
    const known = realm.get(clientId)
    if (known) return known
    const count = { issued: 0, refused: 0 }
    if (clientId !== REALM_ITSELF && accounts >= CAPACITY) return count
    realm.set(clientId, count)
    accounts++
    return count
  }

  /** The client_id is what a request said, and may belong to no account. */
  function refusalsOf(realmId: string, clientId: string): Count | undefined {
    const known = hour.realms.get(realmId)?.get(clientId)
    if (known) return countOf(realmId, clientId)
    if (!isClientId(clientId) || strangers >= REFUSED_CAPACITY) return undefined
    strangers++
    // A copy: a part of the request would keep all of it in memory.
    return countOf(realmId, Buffer.from(clientId, 'latin1').toString('latin1'))
  }

  function realmOf(realmId: string): Map<string, Count> {
    const known = hour.realms.get(realmId)
    if (known) return known
    const realm = new Map<string, Count>()
    hour.realms.set(realmId, realm)
    return realm
  }

  /** What was counted waits to be written; later requests begin new counts. */
  function setAside(): void {
    const startsAt = new Date(hour.startsAt)
    for (const [realmId, clients] of hour.realms)
      for (const [clientId, count] of clients) unwritten.push({ realmId, clientId, startsAt, count })
    hour = { startsAt: hour.startsAt, realms: new Map() }
  }

  async function write(): Promise<number> {
    setAside()
    strangers = 0
    writtenAt = clock().getTime()
    const waiting = unwritten.length
    for (let left = waiting; left > 0; left -= BATCH) {
      const batch = unwritten.slice(0, BATCH)
      const held = await writeUnheld(db, batch, UNHELD)
      unwritten = [...unwritten.slice(batch.length), ...held]
      accounts -= batch.length - held.length
    }
    return waiting - unwritten.length
  }

  return {
    /** Never waits and never fails. */
    noteIssued(realmId: string, clientId: string): void {
      countOf(realmId, clientId).issued++
      countOf(realmId, REALM_ITSELF).issued++
    },

    /**
     * Counts a refusal in a realm that this process knows; for an account only where it exists.
     * @param clientId as the request said it
     */
    noteRefused(realmName: string, clientId: string | undefined): void {
      const id = realms.inMemory(realmName)?.id
      if (id === undefined) return
      countOf(id, REALM_ITSELF).refused++
      const count = clientId === undefined ? undefined : refusalsOf(id, clientId)
      if (count) count.refused++
    },

    /** Writes all that was counted, and returns how many rows. What fails is written later. */
    write,

    /** The same, at most once a minute. */
    writeDue: (): Promise<number> => {
      const since = clock().getTime() - writtenAt
      return since >= 0 && since < WRITTEN_EVERY_MILLISECONDS ? Promise.resolve(0) : write()
    },
  }
}

function toNoted({ realmId, clientId, startsAt, count }: Entry, period: Period): NotedCount {
  return { realmId, clientId, period, startsAt: startOf(period, startsAt), ...count }
}
