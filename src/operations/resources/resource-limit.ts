import { Refusal } from '../../domain/refusal.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import { findPolicy } from '../../storage/policy.ts'
import { countProtectedResources, takeResourceTurn } from '../../storage/protected-resource-changes.ts'

/**
 * The number of resources that a realm may have; `undefined`: any number. Where there is a limit, other changes of the
 * realm's resources wait until this transaction ends. Call it before locking rows.
 */
export async function takeResourceLimit(
  trx: DatabaseTransaction,
  realmId: string,
): Promise<number | undefined> {
  const limit = (await findPolicy(trx)).policy.maxResourcesPerRealm
  if (limit !== undefined) await takeResourceTurn(trx, realmId)
  return limit
}

/** Number of resources that the realm may still add. */
export async function roomForResources(db: Database, realmId: string, limit: number): Promise<number> {
  return limit - (await countProtectedResources(db, realmId, limit))
}

export function resourceLimitReached(realmName: string, limit: number): Refusal {
  return new Refusal(
    'limit_reached',
    `Realm ${realmName} has reached its limit of ${limit} resources (max_resources_per_realm).`,
    undefined,
    limit,
  )
}
