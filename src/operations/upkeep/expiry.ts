import { keptSince, PERIODS } from '../../domain/activity.ts'
import { USE_KEPT_SECONDS } from '../../domain/client-assertion.ts'
import { MAX_CLOCK_GAP_SECONDS } from '../../domain/clock.ts'
import { MAX_FOREIGN_KEY_DAYS } from '../../domain/foreign-key.ts'
import { STATUS_KEPT_SECONDS } from '../../domain/status-list.ts'
import { deleteActivityDetailsBefore } from '../../storage/activity-details.ts'
import { deleteExpiredAttemptCounters } from '../../storage/attempt-counters.ts'
import { deleteClientNetworksSeenBefore } from '../../storage/client-networks.ts'
import { deleteFetchedKeysUnusedSince } from '../../storage/fetched-keys.ts'
import { deleteEndedForeignKeys } from '../../storage/foreign-keys.ts'
import { deleteExpiredIdempotencyKeys } from '../../storage/idempotency-keys.ts'
import { deleteExpiredPortalLinks } from '../../storage/portal-links.ts'
import { deleteExpiredSignIns } from '../../storage/portal-sign-ins.ts'
import { deleteRowsOfDeletedRealms } from '../../storage/realm-deletion.ts'
import { deleteExpiredRevokedTokens } from '../../storage/revoked-tokens.ts'
import { deleteStatusIndexesRetiredBefore } from '../../storage/status-lists.ts'
import { deleteTokenCountsBefore } from '../../storage/token-counts.ts'
import { deleteExpiredUsedAssertions } from '../../storage/used-assertions.ts'
import { deleteOldDeliveries } from '../../storage/webhook-deliveries.ts'
import type { Dependencies } from '../dependencies.ts'
import { auditRetention } from './audit-retention.ts'
import { createHashKeying } from './keyed-hashes.ts'

/** Rows per statement: locks last milliseconds. */
const BATCH = 1000

/** Batches of used assertions in one go: there is one for each token that was issued for one. */
const ASSERTION_BATCHES = 10

/** A client not seen from a network for this long counts as new there. */
const NETWORK_KEPT_SECONDS = 90 * 86_400

/** Keys of others that no token has needed for this long are fetched again when one does. */
const KEYS_KEPT_SECONDS = 7 * 86_400

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log' | 'verifierKey' | 'plainHashesUntil'>

export type Expiry = ReturnType<typeof expiry>

export function expiry(deps: Deps) {
  const { db, clock } = deps
  const keyPlainHashes = createHashKeying(deps)
  const retention = auditRetention(deps)
  const ago = (seconds: number) => new Date(clock().getTime() - seconds * 1000)

  /** Returns whether there may be more. */
  async function deleteUsedAssertions(): Promise<boolean> {
    for (let batch = 0; batch < ASSERTION_BATCHES; batch++)
      if ((await deleteExpiredUsedAssertions(db, ago(USE_KEPT_SECONDS), BATCH)) < BATCH) return false
    return true
  }

  /** Returns whether there may be more. */
  async function deleteTokenCounts(): Promise<boolean> {
    const deleted: number[] = []
    for (const period of PERIODS)
      deleted.push(await deleteTokenCountsBefore(db, period, keptSince(period, clock()), BATCH))
    // The days of refusals and origins are kept as long as those of tokens.
    const details = await deleteActivityDetailsBefore(db, keptSince('day', clock()), BATCH)
    return deleted.includes(BATCH) || details >= BATCH
  }

  return {
    /**
     * Deletes expired rows in small batches, plain hashes of an earlier version included. Returns whether there may be
     * more.
     */
    async deleteExpired(): Promise<boolean> {
      const indexes = await deleteStatusIndexesRetiredBefore(db, ago(STATUS_KEPT_SECONDS), BATCH)
      // A node whose clock is behind may still need these.
      const byAllClocks = ago(MAX_CLOCK_GAP_SECONDS)
      const tokens = await deleteExpiredRevokedTokens(db, byAllClocks, BATCH)
      const assertions = await deleteUsedAssertions()
      const repeatable = await deleteExpiredIdempotencyKeys(db, byAllClocks, BATCH)
      const links = await deleteExpiredPortalLinks(db, byAllClocks, BATCH)
      const signIns = await deleteExpiredSignIns(db, byAllClocks, BATCH)
      const counters = await deleteExpiredAttemptCounters(db, clock(), BATCH)
      const networks = await deleteClientNetworksSeenBefore(db, ago(NETWORK_KEPT_SECONDS), BATCH)
      const keys = await deleteFetchedKeysUnusedSince(db, ago(KEYS_KEPT_SECONDS), BATCH)
      const foreign = await deleteEndedForeignKeys(db, byAllClocks, ago(MAX_FOREIGN_KEY_DAYS * 86_400), BATCH)
      const events = await retention.deleteSome(BATCH)
      const counts = await deleteTokenCounts()
      const deliveries = await deleteOldDeliveries(db, clock(), BATCH)
      const keyed = await keyPlainHashes()
      const realms = await deleteRowsOfDeletedRealms(db)
      return (
        keyed ||
        realms ||
        assertions ||
        counts ||
        [
          indexes,
          tokens,
          repeatable,
          links,
          signIns,
          counters,
          networks,
          keys,
          foreign,
          events,
          deliveries,
        ].includes(BATCH)
      )
    },
  }
}
