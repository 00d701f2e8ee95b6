/** How much a process keeps in memory of what it reads, opens and verifies. The least recently used goes first. */
export interface CacheSizes {
  /** Settings and signing keys of realms. */
  readonly realmBytes: number
  /** Keys of service accounts, about 3 kB each. */
  readonly clientKeys: number
  /** Keys of realms to verify with, about 5 kB each. */
  readonly verificationKeys: number
  readonly verifiedTokenBytes: number
  readonly statusListBytes: number
}

const MEGABYTE = 1024 * 1024

const LARGEST: CacheSizes = {
  // 50,000 realms with an open key.
  realmBytes: 310 * MEGABYTE,
  clientKeys: 10_000,
  verificationKeys: 5000,
  verifiedTokenBytes: 16 * MEGABYTE,
  statusListBytes: 64 * MEGABYTE,
}

/** What all of the largest take together. */
const LARGEST_BYTES = 450 * MEGABYTE

/** Memory of a process that has met no realm, with requests in progress. */
const BASE_BYTES = 150 * MEGABYTE

/** The heap is collected once it has grown by a third beyond what is live, and what is dropped leaves gaps. */
const SHARE = 0.5

const SMALLEST_BYTES = 8 * MEGABYTE

/** @param memoryBytes what the process may take in all; `undefined`: no limit is known */
export function cacheSizes(memoryBytes?: number): CacheSizes {
  if (memoryBytes === undefined) return LARGEST
  const room = Math.max(SMALLEST_BYTES, (memoryBytes - BASE_BYTES) * SHARE)
  const scale = Math.min(1, room / LARGEST_BYTES)
  const scaled = Object.entries(LARGEST).map(([name, size]) => [name, Math.floor(size * scale)])
  return Object.fromEntries(scaled) as CacheSizes
}
