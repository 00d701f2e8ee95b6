/** Where requests of an account came from, as they said. */
export interface Origin {
  readonly address: string
  readonly userAgent: string
}

/** Most origins that are kept of an account for each outcome, in memory and in the database. */
export const MAX_ORIGINS = 10

/** Characters of a user agent. */
const MAX_USER_AGENT = 200

/** Most origins of all accounts between two writes. */
const CAPACITY = 100_000

/** Most origins of refused requests: strangers make up their client_ids and user agents. */
const REFUSED_CAPACITY = 5000

export type Origins = ReturnType<typeof origins>

/** Bounds the memory for origins, however many callers there are. */
export function origins() {
  let issued = 0
  let refused = 0

  /** Finds one that is known without an allocation. @returns whether there is one more */
  function see(known: Origin[], isRoom: boolean, address: string, userAgent: string): boolean {
    for (const origin of known)
      if (origin.address === address && isSame(origin.userAgent, userAgent)) return false
    const isFull = known.length >= MAX_ORIGINS
    if (!isFull && !isRoom) return false
    if (isFull) known.shift()
    // Copies: parts of a request would keep all of it in memory.
    known.push({ address: copyOf(address), userAgent: copyOf(userAgent.slice(0, MAX_USER_AGENT)) })
    return !isFull
  }

  return {
    seeIssued(known: Origin[], address: string, userAgent: string): void {
      if (see(known, issued < CAPACITY, address, userAgent)) issued++
    },

    seeRefused(known: Origin[], address: string, userAgent: string): void {
      if (see(known, refused < REFUSED_CAPACITY, address, userAgent)) refused++
    },

    /** What was remembered was taken. */
    forget(): void {
      issued = 0
      refused = 0
    },
  }
}

/** Compares as much as is kept. */
function isSame(kept: string, said: string): boolean {
  return (
    kept === said || (said.length > MAX_USER_AGENT && kept.length === MAX_USER_AGENT && said.startsWith(kept))
  )
}

function copyOf(text: string): string {
  return Buffer.from(text).toString()
}

/** A user agent as it may be stored and shown. */
export function shownUserAgent(said: string): string {
  return said
    .replace(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .slice(0, MAX_USER_AGENT)
    .replace(/\p{Cs}$/u, '')
}
