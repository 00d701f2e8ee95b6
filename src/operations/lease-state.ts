import {
  abandonBeat,
  acceptBeat,
  beginBeat,
  isHeld,
  loseLease,
  newReadLease,
  seeBeat,
} from '../domain/read-lease.ts'
import { reasonOf } from '../storage/database.ts'

/** A lease that is lost for less is no news. */
const NEWS_MILLISECONDS = 1000

/** The lease of this process, and what there is to say about it. */
export function createLeaseState(leaseMilliseconds: number, now: () => number) {
  let lease = newReadLease(leaseMilliseconds)
  let provenAt = now()
  let isLost = false
  const behind = `it is more than ${leaseMilliseconds / 1000} s behind`
  const step = ([next, published]: ReturnType<typeof seeBeat>): number | undefined => {
    lease = next
    if (isHeld(lease, now())) provenAt = lease.provenAt
    return published
  }
  const state = {
    /** Why the standby cannot be read, as far as is known. */
    reason: undefined as string | undefined,
    begin(): number {
      lease = beginBeat(lease, now())
      return lease.lastBeat
    },
    accept: () => step(acceptBeat(lease, now())),
    abandon: () => void step([abandonBeat(lease), undefined]),
    see: (shown: number) => step(seeBeat(lease, shown)),
    lose(error: Error): void {
      lease = loseLease(lease)
      state.reason = reasonOf(error)
    },
    isHeld: () => isHeld(lease, now()),
    isPending: () => lease.pending.length > 0,
    provenBeat: () => lease.proven,
    lag: () => now() - provenAt,
    behind,
    /** Whether the standby has shown none of the beats of a whole lease, though it was connected for all that time. */
    isBehindFor(connectedMilliseconds: number): boolean {
      const [oldest] = lease.pending
      return (
        oldest !== undefined && Math.min(now() - oldest.begunAt, connectedMilliseconds) > leaseMilliseconds
      )
    },
    /** What to log: the lease has been lost for a while, or is back. */
    news(): string | undefined {
      const held = isHeld(lease, now())
      if (held === !isLost || (!held && now() - provenAt < leaseMilliseconds + NEWS_MILLISECONDS))
        return undefined
      isLost = !held
      if (held) return 'reads go to the standby of DATABASE_READ_URL again'
      const reason = state.reason ?? behind
      state.reason = undefined
      return `reads go to the primary instead of the standby of DATABASE_READ_URL: ${reason}`
    },
  }
  return state
}
