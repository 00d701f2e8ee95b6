import { MAX_CLOCK_GAP_SECONDS } from '../../domain/clock.ts'
import { STATUS_KEPT_SECONDS } from '../../domain/status-list.ts'
import { deleteExpiredPortalLinks } from '../../storage/portal-links.ts'
import { deleteExpiredSignIns } from '../../storage/portal-sign-ins.ts'
import { deleteExpiredRevokedTokens } from '../../storage/revoked-tokens.ts'
import { deleteStatusIndexesRetiredBefore } from '../../storage/status-lists.ts'
import type { Dependencies } from '../dependencies.ts'

export interface ExpiryOperations {
  /** Deletes, a little at a time, what no token can need any more. Returns whether there may be more of it. */
  deleteWhatHasExpired(): Promise<boolean>
}

/** Rows deleted in one go: a lock for milliseconds. */
const BATCH = 1000

export function expiryOperations({ db, clock }: Pick<Dependencies, 'db' | 'clock'>): ExpiryOperations {
  const ago = (seconds: number) => new Date(clock().getTime() - seconds * 1000)
  return {
    async deleteWhatHasExpired() {
      const indexes = await deleteStatusIndexesRetiredBefore(db, ago(STATUS_KEPT_SECONDS), BATCH)
      // A node whose clock is behind may still count on these.
      const byAllClocks = ago(MAX_CLOCK_GAP_SECONDS)
      const tokens = await deleteExpiredRevokedTokens(db, byAllClocks, BATCH)
      const links = await deleteExpiredPortalLinks(db, byAllClocks, BATCH)
      const signIns = await deleteExpiredSignIns(db, byAllClocks, BATCH)
      return [indexes, tokens, links, signIns].includes(BATCH)
    },
  }
}
