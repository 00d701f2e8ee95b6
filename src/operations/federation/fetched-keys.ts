import { type KeySource, KeysUnavailableError, type PublishedKeys } from '../../domain/key-source.ts'
import { findFetchedKeys } from '../../storage/fetched-keys.ts'
import type { Dependencies } from '../dependencies.ts'
import {
  createKeptKeys,
  hasKey,
  isAging,
  isFresh,
  isUsable,
  type KeptKeys,
  mayRetry,
  nameOf,
  sourceText,
} from './kept-keys.ts'
import { type KeyRefresh, keyRefresh } from './key-refresh.ts'

/** State of a source of keys, for people. */
export interface SourceState {
  readonly kids: readonly (string | undefined)[]
  readonly skipped: readonly string[]
  readonly fetchedAt: Date | undefined
  readonly freshUntil: Date | undefined
  readonly attemptedAt: Date | undefined
  readonly failedSince: Date | undefined
  readonly fault: string | undefined
}

type Deps = Pick<Dependencies, 'tokenDb' | 'assertionDb' | 'clock' | 'log' | 'keyFetching'>

export type FetchedKeys = ReturnType<typeof fetchedKeys>

/** Keys that others publish. They are kept in the database, and in memory while they are fresh. */
export function fetchedKeys(deps: Deps) {
  const { tokenDb, clock } = deps
  const kept = createKeptKeys()
  const refresh: KeyRefresh = keyRefresh(deps, kept)
  const underway = new Map<string, Promise<KeptKeys>>()

  /** One at a time for each source. */
  function refreshOnce(realmId: string, source: KeySource, isWanted: (keys: KeptKeys) => boolean) {
    const name = nameOf({ realmId, source: sourceText(source) })
    const flight =
      underway.get(name) ?? refresh.run(realmId, source, isWanted).finally(() => underway.delete(name))
    underway.set(name, flight)
    return flight
  }

  function refreshInBackground(realmId: string, source: KeySource): void {
    refreshOnce(realmId, source, (keys) => !isAging(keys, clock())).catch((error: Error) =>
      deps.log('keys of an issuer could not be fetched ahead of time', error),
    )
  }

  return {
    /** Fetches since the start, by outcome. */
    countFetches: refresh.counts,

    /**
     * The keys of a source. They are fetched where they are no longer fresh, and where none has that kid; at most once in
     * 30 seconds on all nodes together.
     * @throws KeysUnavailableError
     */
    async find(realmId: string, source: KeySource, kid: string | undefined): Promise<PublishedKeys> {
      const id = { realmId, source: sourceText(source) }
      const isWanted = (keys: KeptKeys) => isFresh(keys, clock()) && hasKey(keys, kid)
      const known = kept.get(id)
      const keys = known && isEnough(known, kid) ? known : await look(realmId, source, isWanted)
      if (!keys.document || !isUsable(keys, clock()))
        throw new KeysUnavailableError(`keys of ${id.source}: ${keys.fault ?? 'not fetched yet'}`)
      if (isAging(keys, clock()) && mayRetry(keys, clock())) refreshInBackground(realmId, source)
      return keys.document
    },

    /** State of a source, without fetching it. */
    async describe(realmId: string, source: KeySource): Promise<SourceState> {
      const found = await findFetchedKeys(tokenDb, { realmId, source: sourceText(source) })
      const { document } = found ?? {}
      return {
        kids: document?.keys.map(({ kid }) => kid) ?? [],
        skipped: document?.skipped ?? [],
        fetchedAt: document?.fetchedAt,
        freshUntil: document?.freshUntil,
        attemptedAt: found?.attemptedAt,
        failedSince: found?.failedSince,
        fault: found?.fault,
      }
    },
  }

  /** Whether the keys in memory do without a look at the database. While the issuer is down, that is tried in the background. */
  function isEnough(keys: KeptKeys, kid: string | undefined): boolean {
    const now = clock()
    if (isFresh(keys, now) && hasKey(keys, kid)) return true
    if (keys.isEnded && !mayRetry(keys, now)) return true
    return keys.failedSince !== undefined && isUsable(keys, now) && hasKey(keys, kid)
  }

  async function look(
    realmId: string,
    source: KeySource,
    isWanted: (keys: KeptKeys) => boolean,
  ): Promise<KeptKeys> {
    const keys = await refreshOnce(realmId, source, isWanted)
    // A flight that another request began may have looked for another kid.
    return isWanted(keys) || !keys.isEnded || !mayRetry(keys, clock())
      ? keys
      : refreshOnce(realmId, source, isWanted)
  }
}
