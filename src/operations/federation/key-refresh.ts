import { setTimeout as sleep } from 'node:timers/promises'
import type { KeySource } from '../../domain/key-source.ts'
import {
  claimKeyFetch,
  findFetchedKeys,
  type SourceId,
  saveFetchedKeys,
  saveKeyFetchFailure,
} from '../../storage/fetched-keys.ts'
import type { Dependencies } from '../dependencies.ts'
import { createFetchTurns } from './fetch-turns.ts'
import { guardedFetch } from './guarded-fetch.ts'
import { type createKeptKeys, type KeptKeys, RETRY_SECONDS, sourceText } from './kept-keys.ts'
import { fetchKeyDocument } from './key-documents.ts'
import { KeyFetchError } from './key-fetch-error.ts'

const TIMEOUT_MILLISECONDS = 5000

/** Pause between two looks at what another node fetches. */
const LOOK_MILLISECONDS = 100

type Deps = Pick<Dependencies, 'tokenDb' | 'assertionDb' | 'clock' | 'log' | 'keyFetching'>

export type KeyRefresh = ReturnType<typeof keyRefresh>

/** Fetches keys, in turns with the other nodes, and keeps them. */
export function keyRefresh(deps: Deps, kept: ReturnType<typeof createKeptKeys>) {
  const { tokenDb, assertionDb, clock, keyFetching } = deps
  const { timeoutMilliseconds = TIMEOUT_MILLISECONDS } = keyFetching
  const fetch = guardedFetch(keyFetching)
  const turns = createFetchTurns()
  const counts = { succeeded: 0, failed: 0 }

  async function read(id: SourceId): Promise<KeptKeys | undefined> {
    const found = await findFetchedKeys(tokenDb, id)
    // A node that dies leaves an attempt without an end.
    const isOver = (at: Date) => clock().getTime() > at.getTime() + 2 * timeoutMilliseconds
    if (found) return kept.keep(id, { ...found, isEnded: found.isEnded || isOver(found.attemptedAt) })
    kept.forget(id)
    return undefined
  }

  /** Waits for the attempt of another node, for as long as one may take. */
  async function waitForOther(id: SourceId): Promise<KeptKeys> {
    const deadline = performance.now() + timeoutMilliseconds
    for (;;) {
      const keys = await read(id)
      if (!keys || keys.isEnded || performance.now() > deadline) return keys ?? none(clock())
      await sleep(LOOK_MILLISECONDS)
    }
  }

  async function fetchAndSave(id: SourceId, source: KeySource): Promise<KeptKeys> {
    try {
      const signal = AbortSignal.timeout(timeoutMilliseconds)
      const { freshSeconds, ...document } = await fetchKeyDocument(fetch, source, signal)
      const now = clock()
      const freshUntil = new Date(now.getTime() + freshSeconds * 1000)
      counts.succeeded++
      const failedSince = await saveFetchedKeys(assertionDb, id, { ...document, freshUntil }, now)
      if (failedSince)
        deps.log(`keys can be fetched again: ${id.source}, which failed since ${failedSince.toISOString()}`)
      return (await read(id)) ?? none(now)
    } catch (error) {
      if (!(error instanceof KeyFetchError)) throw error
      counts.failed++
      if (await saveKeyFetchFailure(assertionDb, id, error.description, clock()))
        deps.log(`keys could not be fetched: ${id.source} of realm ${id.realmId}: ${error.message}`)
      return (await read(id)) ?? none(clock())
    }
  }

  async function attempt(id: SourceId, source: KeySource): Promise<KeptKeys> {
    const now = clock()
    const notSince = new Date(now.getTime() - RETRY_SECONDS * 1000)
    const isOurs = await claimKeyFetch(assertionDb, id, now, notSince)
    return isOurs ? fetchAndSave(id, source) : waitForOther(id)
  }

  return {
    counts: () => counts,

    /** Returns what there is in the end, wanted or not. */
    async run(realmId: string, source: KeySource, isWanted: (keys: KeptKeys) => boolean): Promise<KeptKeys> {
      const id = { realmId, source: sourceText(source) }
      const found = await read(id)
      if (found && isWanted(found)) return found
      try {
        return await turns(realmId, () => attempt(id, source), timeoutMilliseconds)
      } catch (error) {
        if (!(error instanceof KeyFetchError)) throw error
        return { ...(found ?? none(clock())), fault: error.description }
      }
    },
  }
}

function none(now: Date): KeptKeys {
  return { document: undefined, attemptedAt: now, isEnded: true, failedSince: undefined, fault: undefined }
}
