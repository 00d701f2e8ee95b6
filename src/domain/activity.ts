/** What tokens are counted by; both begin in UTC. */
export const PERIODS = ['hour', 'day'] as const
export type Period = (typeof PERIODS)[number]

export const PERIOD_SECONDS: Readonly<Record<Period, number>> = { hour: 3600, day: 86_400 }

/** How long counts are kept. */
const PERIOD_KEPT_SECONDS: Readonly<Record<Period, number>> = { hour: 7 * 86_400, day: 90 * 86_400 }

export interface TokenCount {
  readonly startsAt: Date
  /** Tokens. */
  readonly issued: number
  /** Requests for one. */
  readonly refused: number
}

export interface ClientCount extends TokenCount {
  readonly clientId: string
}

/** The oldest first; hours and days without a request are left out. */
export type Activity = Readonly<Record<Period, readonly TokenCount[]>>

/** Refused requests of a day. */
export interface RefusalCount {
  readonly startsAt: Date
  /** A `RefusedReason`, or one of another version. */
  readonly reason: string
  readonly count: number
}

/** From where an account asked, as its requests said. */
export interface AccountOrigin {
  readonly outcome: 'issued' | 'refused'
  readonly address: string
  readonly userAgent: string
  /** To the hour. */
  readonly firstAt: Date
  readonly lastAt: Date
}

export interface AccountActivity extends Activity {
  readonly refusals: readonly RefusalCount[]
  /** The latest first. */
  readonly origins: readonly AccountOrigin[]
}

export interface RealmActivity extends Activity {
  readonly refusals: readonly RefusalCount[]

  /** Accounts with the most tokens of this day, the busiest first. `undefined`: too many to compare in time. */
  readonly busiest: readonly BusyClient[] | undefined
}

export interface BusyClient extends ClientCount {
  /**
   * How many of its tokens would have been enough for one process that uses each until it expires. Far fewer than were
   * issued: the client does not keep its tokens.
   */
  readonly needed: number
}

/** The last use of a credential. */
export interface AccountUse {
  /** `gone`: it was deleted since. */
  readonly kind: 'secret' | 'key' | 'identity' | 'gone'
  /** Last four characters of a secret; name or thumbprint of a key; name or id of a workload identity. */
  readonly label: string
  /** To the minute. */
  readonly at: Date
  readonly address: string
  readonly scope: string
}

export function startOf(period: Period, time: Date): Date {
  const milliseconds = PERIOD_SECONDS[period] * 1000
  return new Date(Math.floor(time.getTime() / milliseconds) * milliseconds)
}

/** Counts of periods that began before it are deleted. */
export function keptSince(period: Period, now: Date): Date {
  return startOf(period, new Date(now.getTime() - PERIOD_KEPT_SECONDS[period] * 1000))
}

/** @param now within the period of the count, or after it */
export function withNeeded(count: ClientCount, tokenLifetimeSeconds: number, now: Date): BusyClient {
  const seconds = Math.min(PERIOD_SECONDS.day, (now.getTime() - count.startsAt.getTime()) / 1000)
  return { ...count, needed: Math.max(1, Math.ceil(seconds / tokenLifetimeSeconds)) }
}
