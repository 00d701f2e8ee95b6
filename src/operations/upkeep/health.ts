import { isDatabaseAway, readDatabaseTime } from '../../storage/database.ts'
import { pendingMigrations } from '../../storage/migrations.ts'
import { isAnyRotationOverdue } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'

export interface HealthOperations {
  /** What keeps this node from being sent requests; empty when nothing does. */
  findHindrances(): Promise<string[]>
  /** Seconds that this machine's clock is ahead of the database's. */
  measureClockSkew(): Promise<number>
  /** Whether a fault is the database's, which may be back in a moment. */
  isDatabaseAway(error: unknown): boolean
}

/** A rotation this late was missed by every node. */
const OVERDUE_SECONDS = 300

export function healthOperations({ db, clock }: Pick<Dependencies, 'db' | 'clock'>): HealthOperations {
  let underway: Promise<string[]> | undefined

  async function look(): Promise<string[]> {
    try {
      const hindrances: string[] = []
      if ((await pendingMigrations(db)).length > 0) hindrances.push('migrations are pending')
      const before = new Date(clock().getTime() - OVERDUE_SECONDS * 1000)
      if (await isAnyRotationOverdue(db, before)) hindrances.push('a key rotation is overdue')
      return hindrances
    } catch {
      return ['the database cannot be reached']
    }
  }

  return {
    isDatabaseAway,

    async measureClockSkew() {
      return (clock().getTime() - (await readDatabaseTime(db)).getTime()) / 1000
    },

    findHindrances() {
      // Anybody may ask, and as often as they like: one look at a time, for all.
      underway ??= look().finally(() => {
        underway = undefined
      })
      return underway
    },
  }
}
