import { keepPartitions, MissingRightError } from '../../storage/audit-partitions.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'log'>

/** Pause after which partitions are looked at again: they are made months ahead. */
const PAUSE_MILLISECONDS = 60_000

/** Steps in one go; a step is a month, or a part of what follows an upgrade. */
const STEPS = 50

/** Makes the partitions of the audit trail ahead of time. Any node does; the database lets in one at a time. */
export function auditPartitions({ db, clock, log }: Deps) {
  let lookedAt = -Infinity
  let mayKeep = true

  return {
    /** Does what is due. Does nothing where it was looked at a moment ago. */
    async keep(): Promise<void> {
      const now = clock()
      if (!mayKeep || Math.abs(now.getTime() - lookedAt) < PAUSE_MILLISECONDS) return
      try {
        for (let step = 0, more: boolean | undefined = true; more && step < STEPS; step++)
          more = await keepPartitions(db, now)
        lookedAt = now.getTime()
      } catch (error) {
        if (!(error instanceof MissingRightError)) throw error
        mayKeep = false
        log(
          'this database role may not make partitions of audit_events; run docs/database-roles.sql as the owner, then start again',
        )
      }
    },
  }
}
