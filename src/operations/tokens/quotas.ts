import { PERIODS, type Period, startOf } from '../../domain/activity.ts'
import { QuotaExceededError } from '../../domain/oauth-error.ts'
import { type Quota, type QuotaState, quotaState } from '../../domain/quota.ts'
import type { Realm } from '../../domain/realm.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import { readTokenCounts } from '../../storage/token-counts.ts'
import type { Dependencies } from '../dependencies.ts'
import { REALM_ITSELF } from './counted-hours.ts'
import type { TokenCounts } from './token-counts.ts'

/** Maximum of accounts and realms in memory. One that was evicted counts from zero until the next refresh. */
const CAPACITY = 50_000

/** Rows per statement. */
const BATCH = 500

/** Counts of one account or realm in this process. */
interface Known {
  readonly realmId: string
  readonly clientId: string
  /** Beginnings of the hour and the day that the counts are of. */
  starts: Record<Period, number>
  used: Record<Period, number>
  /** Taken here since the counts were written and read. */
  since: number
  wasAsked: boolean
}

export interface Asking {
  readonly realm: Pick<Realm, 'id' | 'quota'>
  readonly account: Pick<AccountRecord, 'clientId' | 'quota'>
}

export interface QuotaVerdict {
  /** The enforced quota with the least left; `undefined`: no quota is enforced. */
  readonly state: QuotaState | undefined
  /** A quota that is monitored is used up: of whom, and of which period. */
  readonly exceeded: string | undefined
}

export const NO_QUOTA: QuotaVerdict = { state: undefined, exceeded: undefined }

export type Quotas = ReturnType<typeof quotas>

/**
 * How much of their quotas accounts and realms have used. A request is decided by what this process knows, and reads
 * nothing: that is as old as the last refresh, and what this process issued since is added.
 */
export function quotas(
  { db, clock }: Pick<Dependencies, 'db' | 'clock'>,
  counts: Pick<TokenCounts, 'writeOf'>,
) {
  const known = new Map<string, Known>()
  const exceeded = new Map<string, number>()

  function knownOf(realmId: string, clientId: string, now: Date): Known {
    const key = `${realmId} ${clientId}`
    const found = known.get(key) ?? begin(realmId, clientId)
    known.set(key, found)
    for (const period of PERIODS) {
      const start = startOf(period, now).getTime()
      if (found.starts[period] === start) continue
      found.starts[period] = start
      found.used[period] = 0
    }
    found.wasAsked = true
    return found
  }

  function begin(realmId: string, clientId: string): Known {
    const oldest = known.size >= CAPACITY ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    const none = () => ({ hour: 0, day: 0 })
    return { realmId, clientId, starts: none(), used: none(), since: 0, wasAsked: true }
  }

  function count(mode: 'monitor' | 'enforce'): void {
    exceeded.set(mode, (exceeded.get(mode) ?? 0) + 1)
  }

  /** The quotas of a request that are looked at, and what is used of them. */
  function heeded({ realm, account }: Asking, now: Date): [Quota, Known][] {
    const both: [Quota | null, string][] = [
      [account.quota, account.clientId],
      [realm.quota, REALM_ITSELF],
    ]
    return both
      .filter((one): one is [Quota, string] => one[0] !== null && one[0].mode !== 'off')
      .map(([quota, clientId]) => [quota, knownOf(realm.id, clientId, now)])
  }

  return {
    /**
     * Takes one token of the quotas, at once: requests at the same time cannot take the same one.
     * @throws QuotaExceededError
     */
    take(asking: Asking): QuotaVerdict {
      if (!asking.account.quota && !asking.realm.quota) return NO_QUOTA
      const now = clock()
      const found = heeded(asking, now)
      let verdict = NO_QUOTA
      for (const [quota, { clientId, used }] of found) {
        const state = quotaState(quota, used, now)
        const isUsedUp = state.remaining === 0
        const whose = `${clientId === REALM_ITSELF ? 'the realm' : 'the account'}, ${state.limit} tokens in the ${state.period}`
        if (isUsedUp) count(quota.mode as 'monitor' | 'enforce')
        if (quota.mode === 'monitor') verdict = isUsedUp ? { ...verdict, exceeded: whose } : verdict
        else if (isUsedUp) throw new QuotaExceededError(state, whose)
        else if (!verdict.state || state.remaining < verdict.state.remaining) verdict = { ...verdict, state }
      }
      for (const [, one] of found) {
        one.since++
        for (const period of PERIODS) one.used[period]++
      }
      return verdict
    },

    /** Requests beyond a quota since the start, by its mode. */
    count: (): ReadonlyMap<string, number> => exceeded,

    /** Writes the counts since the last time, and reads what other processes issued. */
    async refresh(): Promise<number> {
      const asked = [...known.values()].filter(({ wasAsked }) => wasAsked)
      for (let at = 0; at < asked.length; at += BATCH) await refreshSome(asked.slice(at, at + BATCH))
      return asked.length
    },
  }

  async function refreshSome(some: readonly Known[]): Promise<void> {
    for (const one of some) {
      one.wasAsked = false
      one.since = 0
    }
    try {
      if (!(await counts.writeOf(some))) return askAgain(some)
      const read = await readTokenCounts(db, some, clock())
      for (const [n, one] of some.entries())
        for (const period of PERIODS) {
          const found = read[n]?.[period]
          if (found?.startsAt === one.starts[period]) one.used[period] = found.issued + one.since
        }
    } catch (error) {
      askAgain(some)
      throw error
    }
  }
}

function askAgain(some: readonly Known[]): void {
  for (const one of some) one.wasAsked = true
}
