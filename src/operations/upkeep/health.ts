import { readDatabaseTime } from '../../storage/database.ts'
import { pendingMigrations } from '../../storage/migrations.ts'
import { readAsTokensDo } from '../../storage/token-reads.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

export type Health = ReturnType<typeof health>

export function health(
  { db, tokenDb, clock }: Pick<Dependencies, 'db' | 'tokenDb' | 'clock'>,
  realms: Pick<LoadedRealms, 'isAnyUnopened'>,
) {
  let underway: Promise<string[]> | undefined

  async function look(): Promise<string[]> {
    try {
      const hindrances: string[] = []
      if ((await pendingMigrations(tokenDb)).length > 0) hindrances.push('migrations are pending')
      else await readAsTokensDo(tokenDb)
      // A pooler may have dropped the setting by which times are read.
      await readDatabaseTime(tokenDb)
      if (await realms.isAnyUnopened()) hindrances.push('a master key is missing')
      return hindrances
    } catch {
      return ['the database cannot be used']
    }
  }

  return {
    /** Seconds that this machine's clock is ahead of the database's. */
    async measureClockSkew(): Promise<number> {
      return (clock().getTime() - (await readDatabaseTime(db)).getTime()) / 1000
    },

    /** What keeps this node from serving; empty when nothing does. What is late for all nodes is for metrics and alerts. */
    findHindrances(): Promise<string[]> {
      // Anybody may ask, and as often as they like: one look at a time, for all.
      underway ??= look().finally(() => {
        underway = undefined
      })
      return underway
    },
  }
}
