import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName } from '../../domain/realm.ts'
import { isClientId } from '../../domain/service-account.ts'
import { findAssertionRecords, type KeyRecord } from '../../storage/assertion-records.ts'
import { type AccountRecord, type ClientLookup, findClientRecords } from '../../storage/client-records.ts'
import { type Database, isDatabaseAway } from '../../storage/database.ts'
import type { Dependencies } from '../dependencies.ts'
import type { LoadedRealms } from './loaded-realms.ts'
import type { LoadedRealm } from './realm-loading.ts'
import { shareEqualReads } from './shared-reads.ts'

export interface FreshClient {
  readonly loaded: LoadedRealm
  /** `undefined`: the realm has no such client. */
  readonly account: AccountRecord | undefined
}

/** A client with its keys instead of its secrets. */
export interface FreshKeys extends FreshClient {
  readonly keys: readonly KeyRecord[]
  /** Where it publishes its keys instead. */
  readonly jwksUri: string | undefined
}

export interface FreshClients {
  /**
   * Reads the current rows of realm and client. Concurrent lookups share one query.
   * @throws UnknownRealmError
   * @throws OAuthError `temporarily_unavailable`
   */
  find(realmName: string, clientId: string | undefined): Promise<FreshClient>
  /** The same with keys, in reads of their own: those for secrets stay as small as they are. */
  findWithKeys(realmName: string, clientId: string | undefined): Promise<FreshKeys>
  /** Lookups since the start, and the queries that served them. */
  countLookups(): { readonly lookups: number; readonly batches: number }
}

/** Maximum of rows per query: few enough to process one batch while the next is read. */
const MAX_BATCH = 32

export function createFreshClients({ db }: Pick<Dependencies, 'db'>, realms: LoadedRealms): FreshClients {
  const counts = { lookups: 0, batches: 0 }
  // Each decision uses a row that was read after its request arrived.
  const share = <Record>(read: (db: Database, lookups: readonly ClientLookup[]) => Promise<Record[]>) =>
    shareEqualReads(
      (lookups: readonly ClientLookup[]) => {
        counts.batches++
        return read(db, lookups)
      },
      MAX_BATCH,
      nameOf,
    )
  const records = share(findClientRecords)
  const recordsWithKeys = share(findAssertionRecords)

  return {
    countLookups: () => counts,

    async find(realmName, clientId) {
      const lookup = lookupOf(realmName, clientId)
      counts.lookups++
      try {
        const record = await records.load(lookup)
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        const loaded = realms.at(realmName, record)
        // Most realms are in memory: a promise would cost a turn.
        return { loaded: loaded instanceof Promise ? await loaded : loaded, account: record.account }
      } catch (error) {
        throw asUnavailable(error)
      }
    },

    async findWithKeys(realmName, clientId) {
      const lookup = lookupOf(realmName, clientId)
      counts.lookups++
      try {
        const record = await recordsWithKeys.load(lookup)
        if (!record) throw new UnknownRealmError(`no realm ${realmName}`)
        const { account, keys, jwksUri } = record
        return { loaded: await realms.at(realmName, record), account, keys, jwksUri }
      } catch (error) {
        throw asUnavailable(error)
      }
    },
  }
}

function lookupOf(realm: string, clientId: string | undefined): ClientLookup {
  if (!isRealmName(realm)) throw new UnknownRealmError('not a realm name')
  // A value that PostgreSQL refuses would fail the other lookups of its batch.
  return { realm, clientId: clientId !== undefined && isClientId(clientId) ? clientId : undefined }
}

/** No realm's name has a space. */
function nameOf({ realm, clientId = '' }: ClientLookup): string {
  return `${realm} ${clientId}`
}

function asUnavailable(error: unknown): unknown {
  if (!isDatabaseAway(error)) return error
  const reason = `database: ${(error as Error).message}`
  return new OAuthError('temporarily_unavailable', 'Try again shortly.', reason)
}
