import type { Realm } from '../../domain/realm.ts'
import { unknownRealm } from '../../domain/refusal.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import { findRealmByName, lockRealmByName, shareRealmByName } from '../../storage/realms.ts'

/** @throws Refusal `not_found` */
export async function realmNamed(db: Database, name: string): Promise<Realm> {
  return (await findRealmByName(db, name)) ?? refuse(name)
}

/** Nothing else can change or hold it until the transaction ends. @throws Refusal `not_found` */
export async function lockRealmNamed(trx: DatabaseTransaction, name: string): Promise<Realm> {
  return (await lockRealmByName(trx, name)) ?? refuse(name)
}

/** Nothing can change or delete it until the transaction ends; others may share it. @throws Refusal `not_found` */
export async function shareRealmNamed(trx: DatabaseTransaction, name: string): Promise<Realm> {
  return (await shareRealmByName(trx, name)) ?? refuse(name)
}

function refuse(name: string): never {
  throw unknownRealm(name)
}
