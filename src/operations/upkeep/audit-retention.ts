import type { Actor } from '../../domain/actor.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import { deleteAuditEventsBefore, mayDeleteAuditEvents } from '../../storage/audit-events.ts'
import { findPolicy } from '../../storage/policy.ts'
import type { Dependencies } from '../dependencies.ts'

export interface AuditRetentionOperations {
  /** Deletes all lines of audit trails that the policy does not keep. Returns how many. @throws Refusal `forbidden` */
  pruneAuditTrail(actor: Actor): Promise<number>
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

const BATCH = 1000
const DAY_MILLISECONDS = 86_400_000

export function auditRetentionOperations(deps: Deps): AuditRetentionOperations {
  const deleteSome = createAuditRetention(deps)
  return {
    async pruneAuditTrail(actor) {
      requirePlatformAuthority(actor)
      let deleted = 0
      for (let count = BATCH; count === BATCH; deleted += count) count = await deleteSome(BATCH)
      return deleted
    },
  }
}

/** Deletes so many lines at most that the policy does not keep, and says how many there were. */
export function createAuditRetention({ db, clock, log }: Deps): (limit: number) => Promise<number> {
  let mayDelete: boolean | undefined
  return async (limit) => {
    const { auditRetentionDays: days } = (await findPolicy(db)).policy
    if (days === undefined) return 0
    if (mayDelete === undefined) {
      mayDelete = await mayDeleteAuditEvents(db)
      if (!mayDelete)
        log(
          'audit_retention_days: this database role may not delete from audit_events; run `mintmark audit prune` as the owner',
        )
    }
    if (!mayDelete) return 0
    return deleteAuditEventsBefore(db, new Date(clock().getTime() - days * DAY_MILLISECONDS), limit)
  }
}
