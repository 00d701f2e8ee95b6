import {
  checkGrants,
  type GrantKey,
  MAX_AUDITED_GRANTS,
  MAX_GRANTS,
  tooManyGrants,
} from '../../domain/grant.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { updateAuthorizationDetails } from '../../storage/authorization-details.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { countGrants } from '../../storage/grants.ts'
import { lockProtectedResources } from '../../storage/protected-resource-changes.ts'
import type { ChangeContext } from './account-changes.ts'

/** Resources that a refusal names. */
const NAMED = 10

/** Resources are locked before the account, in the order of resource deletion, to prevent deadlocks. */
export function locking(grants: readonly GrantKey[]) {
  return (trx: DatabaseTransaction, realm: Realm) => lockGranted(trx, realm, grants)
}

/** @throws Refusal `invalid`, with the names of resources that are not there; `limit_reached` */
export async function lockGranted(
  trx: DatabaseTransaction,
  realm: Realm,
  grants: readonly GrantKey[],
): Promise<void> {
  checkGrants(realm, grants)
  const found = await lockProtectedResources(trx, realm.id, grants, 'key share')
  const known = new Set(found.map(({ type, id }) => `${type}/${id}`))
  const missing = new Map(
    grants
      .filter(({ type, id }) => !known.has(`${type}/${id}`))
      .map(({ type, id }) => [`${type}/${id}`, `${type} ${id}`]),
  )
  if (missing.size === 0) return
  const names = [...missing.values()].slice(0, NAMED).join(', ')
  const more = missing.size > NAMED ? ` and ${missing.size - NAMED} more` : ''
  throw new Refusal('invalid', `Realm ${realm.name} has no ${names}${more}.`, 'id')
}

/** After grants of an account have changed. @throws Refusal `limit_reached` */
export async function settle({ trx, realm, account }: Pick<ChangeContext, 'trx' | 'realm' | 'account'>) {
  if ((await countGrants(trx, realm.id, account.clientId)) > MAX_GRANTS) throw tooManyGrants()
  await updateAuthorizationDetails(trx, realm.id, [account.clientId])
}

export function audited(grants: readonly GrantKey[]): GrantKey[] {
  return grants.slice(0, MAX_AUDITED_GRANTS).map(keyOf)
}

export function keyOf({ role, type, id }: GrantKey): GrantKey {
  return { role, type, id }
}
