import { LRUCache } from 'lru-cache'
import type { Realm } from '../../domain/realm.ts'
import type { CacheSizes } from '../cache-sizes.ts'
import type { LoadedRealm } from './realm-loading.ts'
import type { ReadRealm } from './realm-reading.ts'

/** Realms in memory, by name. Those used most are ready to sign. The others are kept as they were read, with sealed keys. */
export interface KeptRealms {
  /** Readies a realm that is kept as it was read. */
  get(name: string): LoadedRealm | undefined
  /** Keeps a realm that was read, in place of an older version of it. */
  keep(name: string, read: ReadRealm): LoadedRealm
  /** Finds settings without a change to which realms are forgotten first. */
  settingsOf(name: string): Realm | undefined
  has(name: string): boolean
  delete(name: string): void
  size(): number
}

/** Memory of a realm with an open key, most of it in OpenSSL. */
const READY_BYTES = 6500
const READ_BYTES = 1500

/** The least share of the memory for realms that are ready. */
const READY_SHARE = 0.2

/** @param ready makes a realm that can sign of one as it was read */
export function keptRealms(
  { realmBytes }: Pick<CacheSizes, 'realmBytes'>,
  ready: (read: ReadRealm) => LoadedRealm,
): KeptRealms {
  // A bound by `max` would reserve memory for all entries at once.
  const readied = new LRUCache<string, LoadedRealm>({
    maxSize: realmBytes + READY_BYTES,
    sizeCalculation: () => READY_BYTES,
  })
  const asRead = new LRUCache<string, { read: ReadRealm; usedAt: number }>({
    maxSize: realmBytes,
    sizeCalculation: () => READ_BYTES,
  })
  /** Uses of realms that were not ready. */
  let uses = 0

  const bytes = () => readied.size * READY_BYTES + asRead.size * READ_BYTES

  function makeRoom(): void {
    while (bytes() > realmBytes) {
      const longUnused = readied.size * READY_BYTES > realmBytes * READY_SHARE ? readied.pop() : undefined
      if (longUnused) asRead.set(longUnused.realm.name, { read: longUnused.read, usedAt: uses })
      else asRead.pop()
    }
  }

  /** Without room, only a realm that comes back soon: any other would push one out, and be pushed out before its next use. */
  function staysReady(name: string): boolean {
    const last = asRead.get(name)?.usedAt
    const comesBackSoon = last !== undefined && uses - last <= readied.size
    return comesBackSoon || readied.has(name) || bytes() + READY_BYTES <= realmBytes
  }

  function keep(name: string, read: ReadRealm): LoadedRealm {
    const known = readied.get(name)
    // Others waited for the same read.
    if (known?.read === read) return known
    uses++
    const made = ready(read)
    if (staysReady(name)) {
      asRead.delete(name)
      readied.set(name, made)
    } else asRead.set(name, { read, usedAt: uses })
    makeRoom()
    return made
  }

  return {
    keep,
    get(name) {
      const kept = readied.get(name)
      if (kept) return kept
      const found = asRead.get(name)
      return found && keep(name, found.read)
    },
    settingsOf: (name) => (readied.peek(name) ?? asRead.peek(name))?.read.realm,
    has: (name) => readied.has(name) || asRead.has(name),
    delete(name) {
      readied.delete(name)
      asRead.delete(name)
    },
    size: () => readied.size + asRead.size,
  }
}
