import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName } from '../../domain/realm.ts'
import { isClientId } from '../../domain/service-account.ts'
import { type AccountRecord, type ClientLookup, findClientRecords } from '../../storage/client-records.ts'
import { isDatabaseAway } from '../../storage/database.ts'
import type { Dependencies } from '../dependencies.ts'
import type { LoadedRealm, LoadedRealms } from './loaded-realms.ts'
import { shareReads } from './shared-reads.ts'

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

/** Rows read at once at most: few enough for the rows of one read to be worked on while another is under way. */
const MAX_BATCH = 32

export function createFreshClients({ db }: Pick<Dependencies, 'db'>, realms: LoadedRealms): FreshClients {
  const counts = { lookups: 0, batches: 0 }
  // Each decision is made on a row that was read after its request arrived.
  const records = shareReads((lookups: readonly ClientLookup[]) => {
    counts.batches++
    counts.lookups += lookups.length
    return findClientRecords(db, lookups)
  }, MAX_BATCH)

  return {
    countLookups: () => counts,

    async find(realmName, clientId) {
      if (!isRealmName(realmName)) throw new UnknownRealmError('not a realm name')
      // What the database refuses to read would fail the others of its read as well.
      const known = clientId !== undefined && isClientId(clientId) ? clientId : undefined
      try {
        const record = await records.load({ realm: realmName, clientId: known })
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        return { loaded: await realms.at(realmName, record), account: record.account }
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        const reason = `database: ${(error as Error).message}`
        throw new OAuthError('temporarily_unavailable', 'Try again shortly.', reason)
      }
    },
  }
}
