import { LRUCache } from 'lru-cache'
import { fingerprint } from '../../crypto/fingerprint.ts'
import type { KeySource, PublishedKeys } from '../../domain/key-source.ts'
import type { FetchedKeysRecord, SourceId } from '../../storage/fetched-keys.ts'

/** Keys of one source, as this process knows them. */
export interface KeptKeys extends Omit<FetchedKeysRecord, 'document'> {
  readonly document: KeptDocument | undefined
}

export interface KeptDocument extends PublishedKeys {
  readonly skipped: readonly string[]
  readonly fetchedAt: Date
  readonly freshUntil: Date
}

/** Keys in memory, about 2 kB each. */
const CAPACITY = 20_000

export const STALE_SECONDS = 86_400
export const RETRY_SECONDS = 30

/** Fraction of the time that keys are fresh, after which they are fetched in advance. */
const REFRESHED_AFTER = 0.8

export function createKeptKeys() {
  const kept = new LRUCache<string, KeptKeys>({
    maxSize: CAPACITY,
    sizeCalculation: ({ document }) => 1 + (document?.keys.length ?? 0),
  })
  return {
    get: (id: SourceId): KeptKeys | undefined => kept.get(nameOf(id)),

    /** Objects of keys that have not changed stay, since what was computed from them hangs on them. */
    keep(id: SourceId, { document, ...record }: FetchedKeysRecord): KeptKeys {
      const entry = { ...record, document: document && withVersion(document, kept.get(nameOf(id))?.document) }
      kept.set(nameOf(id), entry)
      return entry
    },

    forget: (id: SourceId): void => void kept.delete(nameOf(id)),
  }
}

/** What a source is called where its keys are kept. */
export function sourceText({ kind, address }: KeySource): string {
  return `${kind} ${address}`
}

export function nameOf({ realmId, source }: SourceId): string {
  return `${realmId} ${source}`
}

function withVersion(
  document: NonNullable<FetchedKeysRecord['document']>,
  known: KeptDocument | undefined,
): KeptDocument {
  const version = fingerprint(JSON.stringify(document.keys))
  return { ...document, version, keys: known?.version === version ? known.keys : document.keys }
}

export function isFresh({ document }: KeptKeys, now: Date): boolean {
  return document !== undefined && now < document.freshUntil
}

/** Keys of an issuer that is down are good for another day. */
export function isUsable({ document }: KeptKeys, now: Date): boolean {
  return document !== undefined && now.getTime() < document.freshUntil.getTime() + STALE_SECONDS * 1000
}

/** Whether it is time to fetch them again, though they are fresh. */
export function isAging({ document }: KeptKeys, now: Date): boolean {
  if (document === undefined) return true
  const { fetchedAt, freshUntil } = document
  const span = freshUntil.getTime() - fetchedAt.getTime()
  return now.getTime() >= fetchedAt.getTime() + span * REFRESHED_AFTER
}

/** Whether any node may try again. */
export function mayRetry({ attemptedAt }: KeptKeys, now: Date): boolean {
  return now.getTime() >= attemptedAt.getTime() + RETRY_SECONDS * 1000
}

export function hasKey({ document }: KeptKeys, kid: string | undefined): boolean {
  return document !== undefined && (kid === undefined || document.keys.some(({ kid: own }) => own === kid))
}
