import { deleteAuditEventsBefore, mayDeleteAuditEvents } from '../../storage/audit-events.ts'
import { findPolicy } from '../../storage/policy.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

const BATCH = 1000
const DAY_MILLISECONDS = 86_400_000

/** Deletes lines of audit trails that the policy does not keep. */
export function auditRetention({ db, clock, log }: Deps) {
  let mayDelete: boolean | undefined

  async function deleteSome(limit: number): Promise<number> {
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

  return {
    /** So many of them at most. Returns how many. */
    deleteSome,

    /** All of them. Returns how many. */
    async deleteAll(): Promise<number> {
      let deleted = 0
      for (let count = BATCH; count === BATCH; deleted += count) count = await deleteSome(BATCH)
      return deleted
    },
  }
}
