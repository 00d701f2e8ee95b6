import { sql } from 'kysely'
import { DELETED_REALM_PREFIX } from '../domain/realm.ts'
import type { Database, DatabaseTransaction } from './database.ts'

/** After a step of key rotation: stores when the next one is due, and increments the version so that caches reload the keys. */
export async function updateRealmRotation(
  trx: DatabaseTransaction,
  realmId: string,
  rotationDueAt: Date,
  keysChanged: boolean,
): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({
      rotation_due_at: rotationDueAt,
      version: keysChanged ? eb('version', '+', '1') : eb.ref('version'),
    }))
    .where('id', '=', realmId)
    .execute()
}

export interface DueRealm {
  readonly name: string
  /** Text, since a Date cannot hold `-infinity`. */
  readonly dueAt: string
}

/** Realms whose keys are due by then, longest overdue first, starting after a given one. */
export async function listRealmsDueForRotation(
  db: Database,
  by: Date,
  after: DueRealm,
  limit: number,
): Promise<DueRealm[]> {
  const { rows } = await sql<DueRealm>`
    select name, to_json(rotation_due_at) #>> '{}' as "dueAt" from realms
    where rotation_due_at <= ${by} and rotation_due_at >= ${after.dueAt}::timestamptz
      and (rotation_due_at, name) > (${after.dueAt}::timestamptz, ${after.name})
    order by rotation_due_at, name limit ${limit}
  `.execute(db)
  return rows
}

/** When the next step of key rotation of any realm is due. */
export async function findEarliestRotation(db: Database): Promise<Date | undefined> {
  const row = await db
    .selectFrom('realms')
    .select('rotation_due_at')
    .where('rotation_due_at', '>', sql<Date>`'-infinity'`)
    .where('name', 'not like', `${DELETED_REALM_PREFIX}%`)
    .orderBy('rotation_due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.rotation_due_at
}
