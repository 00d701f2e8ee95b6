import { sql } from 'kysely'
import { DELETED_REALM_PREFIX } from '../domain/realm.ts'
import type { Ending } from '../domain/trusted-issuer.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import { deleteUsesOfGoneCredentials } from './uses.ts'

/** An issuer whose end is not yet done. */
export interface TrustEnding {
  readonly issuer: string
  readonly ending: Ending
  /** The last account whose tokens have ended. */
  readonly endedUpTo: string
}

/** Only one node works on it at once; its workload identities can be read and referenced meanwhile. */
export async function lockTrustEnding(
  trx: DatabaseTransaction,
  realmId: string,
  id: string,
): Promise<TrustEnding | undefined> {
  const row = await trx
    .selectFrom('trusted_issuers')
    .select(['issuer', 'ending', 'ended_up_to'])
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .where('ending', 'is not', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row && { issuer: row.issuer, ending: row.ending as Ending, endedUpTo: row.ended_up_to }
}

export interface EndingAccount {
  readonly clientId: string
  readonly statusIndex: number
}

/** The next accounts that are bound to the issuer, in the order of client_id by code point; their rows are locked. */
export async function lockBoundAccounts(
  trx: DatabaseTransaction,
  realmId: string,
  issuer: { readonly id: string; readonly after: string },
  limit: number,
): Promise<EndingAccount[]> {
  const { rows } = await sql<EndingAccount>`
    select a.client_id as "clientId", a.status_index as "statusIndex"
    from service_accounts a
    where a.realm_id = ${realmId} and a.client_id in (
      select distinct client_id collate "C" from workload_identities
      where realm_id = ${realmId} and issuer_id = ${issuer.id} and client_id collate "C" > ${issuer.after}
      order by client_id collate "C" limit ${limit}
    )
    order by a.client_id collate "C"
    for update of a
  `.execute(trx)
  return rows
}

/** Gives each account the status index of the same place. */
export async function updateStatusIndexes(
  trx: DatabaseTransaction,
  realmId: string,
  accounts: readonly EndingAccount[],
): Promise<void> {
  await sql`
    update service_accounts a set status_index = n.status_index
    from unnest(
      ${accounts.map(({ clientId }) => clientId)}::text[], ${accounts.map(({ statusIndex }) => statusIndex)}::int[]
    ) as n(client_id, status_index)
    where a.realm_id = ${realmId} and a.client_id = n.client_id
  `.execute(trx)
}

export async function updateTrustEnding(
  trx: DatabaseTransaction,
  realmId: string,
  id: string,
  endedUpTo: string,
): Promise<void> {
  await trx
    .updateTable('trusted_issuers')
    .set({ ended_up_to: endedUpTo })
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .execute()
}

export async function deleteIdentitiesOfIssuer(
  trx: DatabaseTransaction,
  realmId: string,
  issuerId: string,
  clientIds: readonly string[],
): Promise<void> {
  await trx
    .deleteFrom('workload_identities')
    .where('realm_id', '=', realmId)
    .where('issuer_id', '=', issuerId)
    .where('client_id', '=', sql<string>`any(${[...clientIds]}::text[])`)
    .execute()
  await deleteUsesOfGoneCredentials(trx, realmId, clientIds)
}

/** All tokens have ended: the issuer goes, if that is why, or stays as it is. */
export async function finishTrustEnding(
  trx: DatabaseTransaction,
  realmId: string,
  id: string,
  ending: Ending,
): Promise<void> {
  if (ending === 'delete')
    await trx.deleteFrom('trusted_issuers').where('realm_id', '=', realmId).where('id', '=', id).execute()
  else
    await trx
      .updateTable('trusted_issuers')
      .set({ ending: null, ended_up_to: '' })
      .where('realm_id', '=', realmId)
      .where('id', '=', id)
      .execute()
}

/** Issuers whose end was begun and not finished, by realm. */
export async function listTrustEndings(
  db: Database,
  limit: number,
): Promise<{ readonly realm: string; readonly id: string }[]> {
  return db
    .selectFrom('trusted_issuers as i')
    .innerJoin('realms as r', 'r.id', 'i.realm_id')
    .select(['r.name as realm', 'i.id'])
    .where('i.ending', 'is not', null)
    .where('r.name', 'not like', `${DELETED_REALM_PREFIX}%`)
    .limit(limit)
    .execute()
}
