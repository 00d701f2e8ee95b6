/**
 * How new a node knows its standby to be. The node writes numbered beats to the primary. A beat that shows on the standby
 * proves that the standby has everything that was committed before that beat was begun. Times are milliseconds of the node's
 * own steady clock.
 */
export interface ReadLease {
  readonly lengthMilliseconds: number
  /** The beat begun last. Numbers are never used again, so a standby of another history cannot show one. */
  readonly lastBeat: number
  /** A beat below it proves nothing any more: the node has promised more since. */
  readonly floor: number
  /** The beat that the standby has shown; 0: none. */
  readonly proven: number
  /** When that beat was begun. */
  readonly provenAt: number
  /** Beats that the standby has not shown yet, oldest first. */
  readonly pending: readonly PendingBeat[]
}

interface PendingBeat {
  readonly beat: number
  readonly begunAt: number
}

/** The lease after a step, and the beat to publish: all reads that begin from now on see what was committed before it. */
export type Step = readonly [lease: ReadLease, published: number | undefined]

/** Setting MAX_REPLICA_LAG, in seconds. The longest is shorter than the margin of a new signing key. */
export const MAX_REPLICA_LAG_SECONDS = { default: 2, min: 1, max: 3 }

/** Beats to remember, here and in the database: more than are begun within the longest lease. */
export const MAX_PENDING_BEATS = 32

export function newReadLease(lengthMilliseconds: number): ReadLease {
  return { lengthMilliseconds, lastBeat: 0, floor: 0, proven: 0, provenAt: -Infinity, pending: [] }
}

/** Whether the node may read its standby. Otherwise it has fenced itself, and reads the primary. */
export function isHeld({ provenAt, lengthMilliseconds }: ReadLease, now: number): boolean {
  return now - provenAt < lengthMilliseconds
}

/** Begins a beat, one at a time. The time is taken before it is sent to the primary. */
export function beginBeat(lease: ReadLease, now: number): ReadLease {
  const beat = lease.lastBeat + 1
  const pending = [...lease.pending, { beat, begunAt: now }].slice(-MAX_PENDING_BEATS)
  return { ...lease, lastBeat: beat, pending }
}

/**
 * The primary has committed the newest beat.
 * @returns the beat if it needs no proof: without a lease all reads go to the primary
 */
export function acceptBeat(lease: ReadLease, now: number): Step {
  const { lastBeat: beat } = lease
  return isHeld(lease, now) ? [lease, undefined] : [{ ...lease, floor: beat }, beat]
}

/** The primary has not answered. The newest beat may be committed late, after others, so it must prove nothing. */
export function abandonBeat(lease: ReadLease): ReadLease {
  return { ...lease, pending: lease.pending.filter(({ beat }) => beat !== lease.lastBeat) }
}

/** The standby shows this beat. */
export function seeBeat(lease: ReadLease, shown: number): Step {
  const proof = lease.pending.findLast(({ beat }) => beat <= shown && beat >= lease.floor)
  if (!proof) return [lease, undefined]
  const { beat, begunAt } = proof
  const pending = lease.pending.filter((one) => one.beat > beat)
  return [{ ...lease, floor: beat, proven: beat, provenAt: begunAt, pending }, beat]
}

/** The node reads another standby, or the same one again after it was away: that one has to prove itself. */
export function loseLease(lease: ReadLease): ReadLease {
  return { ...lease, provenAt: -Infinity }
}
