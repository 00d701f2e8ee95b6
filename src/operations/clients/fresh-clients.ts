import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName } from '../../domain/realm.ts'
import { isClientId } from '../../domain/service-account.ts'
import { findAssertionRecords, type KeyRecord } from '../../storage/assertion-records.ts'
import { type AccountRecord, type ClientLookup, findClientRecords } from '../../storage/client-records.ts'
import { isDatabaseAway } from '../../storage/database.ts'
import type { Dependencies } from '../dependencies.ts'
import type { LoadedRealms } from './loaded-realms.ts'
import type { LoadedRealm } from './realm-loading.ts'
import { shareReads } from './shared-reads.ts'

export interface FreshClient {
  readonly loaded: LoadedRealm
  /** `undefined`: the realm has no such client. */
  readonly account: AccountRecord | undefined
}

/** A client with its keys instead of its secrets. */
export interface FreshKeys extends FreshClient {
  readonly keys: readonly KeyRecord[]
}

export interface FreshClients {
  /**
   * Realm and client as their rows say now; what is asked for at the same time is read at once.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable`
   */
  find(realmName: string, clientId: string | undefined): Promise<FreshClient>
  /** The same with keys, in reads of their own: those for secrets stay as small as they are. */
  findWithKeys(realmName: string, clientId: string | undefined): Promise<FreshKeys>
  /** Look-ups since the start, and the reads of the database that served them. */
  countLookups(): { readonly lookups: number; readonly batches: number }
}

/** Rows read at once at most: few enough for the rows of one read to be worked on while another is under way. */
const MAX_BATCH = 32

export function createFreshClients({ db }: Pick<Dependencies, 'db'>, realms: LoadedRealms): FreshClients {
  const counts = { lookups: 0, batches: 0 }
  const count = (lookups: readonly ClientLookup[]) => {
    counts.batches++
    counts.lookups += lookups.length
  }
  // Each decision is made on a row that was read after its request arrived.
  const records = shareReads((lookups: readonly ClientLookup[]) => {
    count(lookups)
    return findClientRecords(db, lookups)
  }, MAX_BATCH)
  const recordsWithKeys = shareReads((lookups: readonly ClientLookup[]) => {
    count(lookups)
    return findAssertionRecords(db, lookups)
  }, MAX_BATCH)

  return {
    countLookups: () => counts,

    async find(realmName, clientId) {
      const lookup = lookupOf(realmName, clientId)
      try {
        const record = await records.load(lookup)
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        return { loaded: await realms.at(realmName, record), account: record.account }
      } catch (error) {
        throw asUnavailable(error)
      }
    },

    async findWithKeys(realmName, clientId) {
      const lookup = lookupOf(realmName, clientId)
      try {
        const record = await recordsWithKeys.load(lookup)
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        return { loaded: await realms.at(realmName, record), account: record.account, keys: record.keys }
      } catch (error) {
        throw asUnavailable(error)
      }
    },
  }
}

function lookupOf(realm: string, clientId: string | undefined): ClientLookup {
  if (!isRealmName(realm)) throw new UnknownRealmError('not a realm name')
  // What the database refuses to read would fail the others of its read as well.
  return { realm, clientId: clientId !== undefined && isClientId(clientId) ? clientId : undefined }
}

function asUnavailable(error: unknown): unknown {
  if (!isDatabaseAway(error)) return error
  const reason = `database: ${(error as Error).message}`
  return new OAuthError('temporarily_unavailable', 'Try again shortly.', reason)
}
