import DataLoader from 'dataloader'
import { OAuthError, UnknownRealmError } from '../domain/oauth-error.ts'
import { isRealmName } from '../domain/realm.ts'
import {
  type AccountRecord,
  type ClientLookup,
  type ClientRecord,
  findClientRecords,
} from '../storage/client-records.ts'
import { isDatabaseAway } from '../storage/database.ts'
import type { Dependencies } from './dependencies.ts'
import type { LoadedRealm, LoadedRealms } from './loaded-realms.ts'

export interface FreshClient {
  readonly loaded: LoadedRealm
  /** `undefined`: the realm has no such client. */
  readonly account: AccountRecord | undefined
}

export interface FreshClients {
  /**
   * Realm and client as their rows say now; what is asked for at the same time is read at once.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable`
   */
  find(realmName: string, clientId: string | undefined): Promise<FreshClient>
  /** Look-ups since the start, and the reads of the database that served them. */
  countLookups(): { readonly lookups: number; readonly batches: number }
}

/** Rows read at once at most. */
const MAX_BATCH = 256

/** Reads under way at once: while they last, look-ups gather for the next one. */
const MAX_READS = 2

export function createFreshClients({ db }: Pick<Dependencies, 'db'>, realms: LoadedRealms): FreshClients {
  const counts = { lookups: 0, batches: 0 }
  const gathered: (() => void)[] = []
  let reads = 0

  function readNext(): void {
    while (reads < MAX_READS && gathered.length > 0) gathered.shift()?.()
  }
  // The cache is off: each decision is made on a row that was read after its request arrived.
  const records = new DataLoader<ClientLookup, ClientRecord | undefined>(
    (lookups) => {
      counts.batches++
      counts.lookups += lookups.length
      reads++
      return findClientRecords(db, lookups).finally(() => {
        reads--
        readNext()
      })
    },
    {
      cache: false,
      maxBatchSize: MAX_BATCH,
      // After all that has arrived by now: the turn's other requests join.
      batchScheduleFn: (read) => {
        gathered.push(read)
        setImmediate(readNext)
      },
    },
  )

  return {
    countLookups: () => counts,

    async find(realmName, clientId) {
      if (!isRealmName(realmName)) throw new UnknownRealmError('not a realm name')
      try {
        const record = await records.load({ realm: realmName, clientId })
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        return { loaded: await realms.at(realmName, record.realmVersion), account: record.account }
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        const reason = `database: ${(error as Error).message}`
        throw new OAuthError('temporarily_unavailable', 'Try again shortly.', reason)
      }
    },
  }
}
