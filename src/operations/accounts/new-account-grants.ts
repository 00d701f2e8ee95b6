import type { GrantKey } from '../../domain/grant.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { insertGrants } from '../../storage/grants.ts'
import { findServiceAccount } from '../../storage/service-accounts.ts'
import { lockGranted, settle } from './grant-changes.ts'

interface Context {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  readonly now: Date
}

/** Gives a new account its grants. Returns it as it is then. @throws Refusal `invalid`, `limit_reached` */
export async function grantNew(
  { trx, realm, now }: Context,
  account: ServiceAccount,
  grants: readonly GrantKey[] = [],
): Promise<ServiceAccount> {
  if (grants.length === 0) return account
  await lockGranted(trx, realm, grants).catch(nameMember)
  await insertGrants(trx, realm.id, account.clientId, { grants, now })
  await settle({ trx, realm, account })
  return (await findServiceAccount(trx, realm.id, account.clientId)) as ServiceAccount
}

/** In the request, what is wrong with a grant is below its member `grants`. */
function nameMember(error: unknown): never {
  if (!(error instanceof Refusal) || error.field === undefined) throw error
  throw new Refusal(error.code, error.message, `grants.${error.field}`)
}

export function eachOnce(grants: readonly GrantKey[] = []): GrantKey[] {
  return [...new Map(grants.map((grant) => [`${grant.role}/${grant.type}/${grant.id}`, grant])).values()]
}
