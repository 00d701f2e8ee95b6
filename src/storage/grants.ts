import { type RawBuilder, sql } from 'kysely'
import type { Grant, GrantKey } from '../domain/grant.ts'
import type { ResourceKey } from '../domain/protected-resource.ts'
import { nameKey } from '../domain/service-account.ts'
import { batchesOf } from './batches.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import { isAfter } from './positions.ts'

export interface GrantFilter {
  /** End of the previous page; `undefined`: start at the beginning. */
  readonly after: GrantKey | undefined
  readonly limit: number
  readonly type?: string | undefined
  /** Part of the resource's name or id; case-insensitive. */
  readonly contains?: string | undefined
}

/** One page of an account's grants, ordered by type, id and role. */
export async function listGrants(
  db: Database,
  realmId: string,
  clientId: string,
  { after, limit, type, contains }: GrantFilter,
): Promise<Grant[]> {
  let query = db
    .selectFrom('grants as g')
    // One look at the index for each grant: PostgreSQL could merge both tables, and read resources of other accounts.
    .innerJoinLateral(
      (from) =>
        from
          .selectFrom('protected_resources as p')
          .select(['p.name', 'p.search_key'])
          .whereRef('p.realm_id', '=', 'g.realm_id')
          .whereRef('p.type', '=', 'g.type')
          .whereRef('p.id', '=', 'g.id')
          .limit(1)
          .as('r'),
      (join) => join.onTrue(),
    )
    .select(['g.role', 'g.type', 'g.id', 'r.name', 'g.created_at as createdAt'])
    .where('g.realm_id', '=', realmId)
    .where('g.client_id', '=', clientId)
  if (type !== undefined) query = query.where('g.type', '=', type)
  if (contains !== undefined)
    query = query.where(sql<boolean>`position(${nameKey(contains)} in r.search_key) > 0`)
  if (after) query = query.where(isAfter('g', after, type))
  return query.orderBy('g.type').orderBy('g.id').orderBy('g.role').limit(limit).execute()
}

/** Number of grants of an account. */
export async function countGrants(db: Database, realmId: string, clientId: string): Promise<number> {
  const row = await db
    .selectFrom('grants')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Adds the missing grants and returns them. */
export async function insertGrants(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  { grants, now }: { readonly grants: readonly GrantKey[]; readonly now: Date },
): Promise<GrantKey[]> {
  return inBatches(
    trx,
    grants,
    (batch) => sql<GrantKey>`
    insert into grants (realm_id, client_id, type, id, role, created_at)
    select ${realmId}, ${clientId}, type, id, role, ${now} from ${unnest(batch)}
    on conflict do nothing
    returning type, id, role
  `,
  )
}

/** Removes the existing grants and returns them. */
export async function deleteGrants(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  grants: readonly GrantKey[],
): Promise<GrantKey[]> {
  return inBatches(
    trx,
    grants,
    (batch) => sql<GrantKey>`
    delete from grants
    where realm_id = ${realmId} and client_id = ${clientId}
      and (type, id, role) in (select type, id, role from ${unnest(batch)})
    returning type, id, role
  `,
  )
}

/** Removes all grants except these, and returns the removed ones. */
export async function deleteGrantsBut(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  kept: readonly GrantKey[],
): Promise<GrantKey[]> {
  const { rows } = await sql<GrantKey>`
    select type, id, role from grants
    where realm_id = ${realmId} and client_id = ${clientId}
      and (type, id, role) not in (select type, id, role from ${unnest(kept)})
  `.execute(trx)
  return deleteGrants(trx, realmId, clientId, rows)
}

/** Grants on a resource. Locks the rows of the accounts that hold them until the transaction ends. */
export async function lockGrantees(
  trx: DatabaseTransaction,
  realmId: string,
  { type, id }: ResourceKey,
): Promise<{ clientId: string; role: string }[]> {
  const { rows } = await sql<{ client_id: string }>`
    select distinct client_id from grants where realm_id = ${realmId} and type = ${type} and id = ${id}
    order by client_id
  `.execute(trx)
  for (const batch of batchesOf(rows.map((row) => row.client_id)))
    await sql`
      select from service_accounts where realm_id = ${realmId} and client_id = any(${batch}::text[])
      order by client_id for update
    `.execute(trx)
  // Reads again: another transaction may have changed grants while this one waited for the lock.
  return trx
    .selectFrom('grants')
    .select(['client_id as clientId', 'role'])
    .where('realm_id', '=', realmId)
    .where('type', '=', type)
    .where('id', '=', id)
    .orderBy('client_id')
    .orderBy('role')
    .execute()
}

/** Returns whether the role is granted on any resource. */
export async function isRoleGranted(db: Database, realmId: string, role: string): Promise<boolean> {
  const row = await db
    .selectFrom('grants')
    .select('client_id')
    .where('realm_id', '=', realmId)
    .where('role', '=', role)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

async function inBatches(
  trx: DatabaseTransaction,
  grants: readonly GrantKey[],
  change: (batch: readonly GrantKey[]) => RawBuilder<GrantKey>,
): Promise<GrantKey[]> {
  const changed: GrantKey[] = []
  for (const batch of batchesOf(grants)) changed.push(...(await change(batch).execute(trx)).rows)
  return changed
}

function unnest(grants: readonly GrantKey[]) {
  const column = (name: keyof GrantKey) => grants.map((grant) => grant[name])
  return sql`unnest(
    ${column('type')}::text[], ${column('id')}::text[], ${column('role')}::text[]
  ) as e(type, id, role)`
}
