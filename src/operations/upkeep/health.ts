import { readDatabaseTime } from '../../storage/database.ts'
import { pendingMigrations } from '../../storage/migrations.ts'
import { readAsTokensDo } from '../../storage/token-reads.ts'
import type { LoadedRealms } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'

export type Health = ReturnType<typeof health>

export function health(
  { db, tokenDb, readDb, clock }: Pick<Dependencies, 'db' | 'tokenDb' | 'readDb' | 'clock'>,
  realms: Pick<LoadedRealms, 'isAnyUnopened'>,
) {
  let underway: Promise<string[]> | undefined

  async function look(): Promise<string[]> {
    try {
      const hindrances: string[] = []
      if ((await pendingMigrations(tokenDb)).length > 0) hindrances.push('migrations are pending')
      else await readAsTokensDo(readDb)
      // A pooler may have dropped the setting that dates are parsed by.
      await readDatabaseTime(tokenDb)
      if (await realms.isAnyUnopened()) hindrances.push('a master key is missing')
      return hindrances
    } catch {
      return ['the database cannot be used']
    }
  }

  return {
    /** How far this machine's clock is ahead of the database's, in seconds. */
    async measureClockSkew(): Promise<number> {
      return (clock().getTime() - (await readDatabaseTime(db)).getTime()) / 1000
    },

    /** Reasons why this node cannot serve; empty if it can. Delays that affect all nodes belong to metrics and alerts. */
    findHindrances(): Promise<string[]> {
      // Anybody may ask, at any rate: one check at a time serves all callers.
      underway ??= look().finally(() => {
        underway = undefined
      })
      return underway
    },
  }
}
