import { PERIOD_SECONDS, type Period, startOf } from './activity.ts'
import { Refusal } from './refusal.ts'

/** off: kept, and not looked at. monitor: counted and logged. enforce: refused beyond it. */
export const QUOTA_MODES = ['off', 'monitor', 'enforce'] as const
export type QuotaMode = (typeof QUOTA_MODES)[number]

/** How many tokens an account, or all accounts of a realm together, may get. */
export interface Quota {
  /** Most tokens in an hour of UTC; `undefined`: any number. */
  readonly tokensPerHour?: number | undefined
  /** Most tokens in a day of UTC; `undefined`: any number. */
  readonly tokensPerDay?: number | undefined
  readonly mode: QuotaMode
}

export const MAX_QUOTA = 1_000_000_000

/** Tokens issued in the present hour and day. */
export type Used = Readonly<Record<Period, number>>

export interface QuotaState {
  readonly period: Period
  readonly limit: number
  readonly remaining: number
  /** Whole seconds until the count begins again. */
  readonly resetSeconds: number
}

/** @throws Refusal `invalid` */
export function checkQuota(quota: Quota | null | undefined): void {
  if (!quota) return
  const { tokensPerHour, tokensPerDay, mode } = quota
  if (!QUOTA_MODES.includes(mode))
    throw new Refusal('invalid', `quota.mode must be one of ${QUOTA_MODES.join(', ')}.`, 'quota.mode')
  checkNumber('quota.tokens_per_hour', tokensPerHour)
  checkNumber('quota.tokens_per_day', tokensPerDay)
  if (tokensPerHour === undefined && tokensPerDay === undefined)
    throw new Refusal(
      'invalid',
      'A quota needs tokens_per_hour, tokens_per_day or both; null removes it.',
      'quota',
    )
}

function checkNumber(field: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= MAX_QUOTA))
    throw new Refusal('invalid', `${field} must be a whole number from 1 to ${MAX_QUOTA}, or null.`, field)
}

/** What is left of a quota, by the limit that has least left. */
export function quotaState(quota: Quota, used: Used, now: Date): QuotaState {
  const states = [
    stateOf('hour', quota.tokensPerHour, used, now),
    stateOf('day', quota.tokensPerDay, used, now),
  ]
  const known = states.filter((state) => state !== undefined)
  // Where both are used up, the one that lasts longer.
  return known.reduce((least, one) =>
    one.remaining < least.remaining || (one.remaining === 0 && one.resetSeconds > least.resetSeconds)
      ? one
      : least,
  )
}

function stateOf(period: Period, limit: number | undefined, used: Used, now: Date): QuotaState | undefined {
  if (limit === undefined) return undefined
  const end = startOf(period, now).getTime() + PERIOD_SECONDS[period] * 1000
  return {
    period,
    limit,
    remaining: Math.max(0, limit - used[period]),
    resetSeconds: Math.ceil((end - now.getTime()) / 1000),
  }
}
