import { KeyFetchError } from './key-fetch-error.ts'

/** Documents that a process fetches at once. */
const MAX_FETCHES = 8
/** And those of one realm: the others do not wait for its slow servers. */
const MAX_OF_A_REALM = 2
/** Fetches that wait for their turn. */
const MAX_WAITING = 100

interface Waiting {
  readonly realmId: string
  readonly start: () => void
}

export type FetchTurns = <T>(
  realmId: string,
  work: () => Promise<T>,
  patienceMilliseconds: number,
) => Promise<T>

/** Lets a few fetches run at once, so that no realm can use the server to flood another one. */
export function createFetchTurns(): FetchTurns {
  const running = new Map<string, number>()
  const waiting = new Set<Waiting>()
  let total = 0

  const hasRoom = (realmId: string) => total < MAX_FETCHES && (running.get(realmId) ?? 0) < MAX_OF_A_REALM

  function take(realmId: string): void {
    total++
    running.set(realmId, (running.get(realmId) ?? 0) + 1)
  }

  function release(realmId: string): void {
    total--
    const left = (running.get(realmId) ?? 1) - 1
    if (left === 0) running.delete(realmId)
    else running.set(realmId, left)
    for (const next of waiting) {
      if (!hasRoom(next.realmId)) continue
      waiting.delete(next)
      take(next.realmId)
      next.start()
      return
    }
  }

  function wait(realmId: string, patienceMilliseconds: number): Promise<void> {
    if (waiting.size >= MAX_WAITING) throw new KeyFetchError('busy')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const entry = { realmId, start: () => resolve() }
    waiting.add(entry)
    const timer = setTimeout(() => {
      if (waiting.delete(entry)) reject(new KeyFetchError('busy'))
    }, patienceMilliseconds)
    return promise.finally(() => clearTimeout(timer))
  }

  return async (realmId, work, patienceMilliseconds) => {
    if (hasRoom(realmId)) take(realmId)
    else await wait(realmId, patienceMilliseconds)
    try {
      return await work()
    } finally {
      release(realmId)
    }
  }
}
