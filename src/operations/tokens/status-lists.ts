import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { signJwt } from '../../crypto/signing.ts'
import { UnknownRealmError } from '../../domain/oauth-error.ts'
import { isRealmName } from '../../domain/realm.ts'
import {
  STATUS_LIST_LIFETIME_SECONDS,
  STATUS_LIST_TTL_SECONDS,
  STATUS_SHOWN_SECONDS,
  statusListBytes,
  statusListUri,
} from '../../domain/status-list.ts'
import {
  findStatusListVersions,
  readStatusList,
  type StatusListLookup,
  type StatusListVersion,
} from '../../storage/status-lists.ts'
import { type LoadedRealms, throwUnavailable } from '../clients/loaded-realms.ts'
import type { LoadedRealm } from '../clients/realm-loading.ts'
import { shareReads } from '../clients/shared-reads.ts'
import type { Dependencies } from '../dependencies.ts'
import { RecentMaximum } from './recent-maximum.ts'

/** A status list token (draft-ietf-oauth-status-list-21, section 5.1) of one version of its list. */
export interface StatusList {
  readonly jwt: string
}

interface KeptList extends StatusList {
  readonly loaded: LoadedRealm
  readonly version: bigint
  readonly builtAt: Date
  readonly signAgainAt: Date
}

/** Maximum of versions per query. */
const MAX_BATCH = 256

const compress = promisify<Uint8Array, Buffer>(deflate)

export type StatusLists = ReturnType<typeof statusLists>

export function statusLists(
  deps: Pick<Dependencies, 'db' | 'clock' | 'cacheSizes'>,
  realms: Pick<LoadedRealms, 'at'>,
) {
  const kept = new LRUCache<string, KeptList>({
    maxSize: deps.cacheSizes.statusListBytes,
    sizeCalculation: ({ jwt }) => jwt.length,
  })
  const underway = new Map<string, Promise<KeptList>>()
  const versions = shareReads<StatusListLookup, StatusListVersion | undefined>(
    (lookups) => findStatusListVersions(deps.db, lookups),
    MAX_BATCH,
  )

  const ages = new RecentMaximum()

  function build(key: string, loaded: LoadedRealm, id: number): Promise<KeptList> {
    const flight = underway.get(key) ?? buildList(deps, loaded, id).finally(() => underway.delete(key))
    underway.set(key, flight)
    return flight
  }

  async function listAt(loaded: LoadedRealm, id: number, version: bigint): Promise<KeptList> {
    const key = `${loaded.realm.id}/${id}`
    const isTrue = (list: KeptList) => {
      const now = deps.clock()
      // A list from the future was made before the clock was set back; no verifier would accept it.
      const isOfNow = list.builtAt <= now && list.signAgainAt > now
      return isOfNow && list.loaded === loaded && list.version >= version
    }
    let list = kept.get(key)
    // A build in progress may have read the list before that version.
    while (!list || !isTrue(list)) {
      list = await build(`${key}/${loaded.realm.version}`, loaded, id)
      kept.set(key, list)
    }
    const now = deps.clock()
    ages.note((now.getTime() - list.builtAt.getTime()) / 1000, now)
    return list
  }

  return {
    /** Age in seconds of the oldest list given out in the last five minutes; `undefined`: none was. */
    oldestAge(): number | undefined {
      return ages.at(deps.clock())
    },

    /**
     * The current list: it contains every bit set before this call. Returns the same object until the list changes, for
     * half of its lifetime. `undefined`: the realm has no such list.
     * @throws UnknownRealmError
     * @throws OAuthError `temporarily_unavailable`: who asks has a list that is as good as one from memory
     */
    async find(realmName: string, id: number): Promise<StatusList | undefined> {
      if (!isRealmName(realmName)) throw new UnknownRealmError('not a realm name')
      try {
        const found = await versions.load({ realm: realmName, id })
        if (!found) throw new UnknownRealmError(`no realm ${realmName}`)
        // The first list exists even without accounts; otherwise it would reveal the first account.
        if (found.version === undefined && id !== 0) return undefined
        const loaded = await realms.at(realmName, found)
        return await listAt(loaded, id, BigInt(found.version ?? 0))
      } catch (error) {
        throwUnavailable(error)
      }
    },
  }
}

async function buildList(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  loaded: LoadedRealm,
  id: number,
): Promise<KeptList> {
  const now = clock()
  const shownSince = new Date(now.getTime() - STATUS_SHOWN_SECONDS * 1000)
  const { version, retired } = await readStatusList(db, loaded.realm.id, id, shownSince)
  const iat = Math.floor(now.getTime() / 1000)
  const claims = {
    iss: loaded.issuer,
    sub: statusListUri(loaded.issuer, id),
    iat,
    exp: iat + STATUS_LIST_LIFETIME_SECONDS,
    ttl: STATUS_LIST_TTL_SECONDS,
    status_list: { bits: 1, lst: (await compress(statusListBytes(retired))).toString('base64url') },
  }
  const jwt = await signJwt(JSON.stringify(claims), 'statuslist+jwt', await loaded.signer())
  const signAgainAt = new Date(now.getTime() + (STATUS_LIST_LIFETIME_SECONDS / 2) * 1000)
  return { jwt, loaded, version: BigInt(version), builtAt: now, signAgainAt }
}
