import { sql } from 'kysely'
import { type AuthorizationDetail, MAX_DETAILS_BYTES } from '../domain/authorization-details.ts'
import { batchesOf } from './batches.ts'
import type { Database, DatabaseTransaction } from './database.ts'

/** All grants of an account, or those on some resources, in the form of tokens. */
export async function listAuthorizationDetails(
  db: Database,
  realmId: string,
  clientId: string,
  on?: readonly { readonly type: string; readonly identifier: string }[],
): Promise<AuthorizationDetail[]> {
  const types = on?.map(({ type }) => type)
  const ids = on?.map(({ identifier }) => identifier)
  const chosen = on ? sql`and (type, id) in (select * from unnest(${types}::text[], ${ids}::text[]))` : sql``
  const { rows } = await sql<AuthorizationDetail>`
    select type, id as identifier, array_agg(role order by role) as privileges from grants
    where realm_id = ${realmId} and client_id = ${clientId} ${chosen}
    group by type, id order by type, id
  `.execute(db)
  return rows
}

/** Updates the grants in tokens, and the versions, of these accounts. Builds JSON without spaces, hence the text functions. */
export async function updateAuthorizationDetails(
  trx: DatabaseTransaction,
  realmId: string,
  clientIds: readonly string[],
): Promise<void> {
  for (const batch of batchesOf(clientIds)) await updateDetailsOf(trx, realmId, batch)
}

function updateDetailsOf(trx: DatabaseTransaction, realmId: string, clientIds: string[]) {
  return sql`
    update service_accounts a set version = a.version + 1,
      authorization_details = case when octet_length(d.details) <= ${MAX_DETAILS_BYTES} then d.details end,
      authorization_details_omitted = coalesce(octet_length(d.details) > ${MAX_DETAILS_BYTES}, false)
    from unnest(${clientIds}::text[]) as c(client_id)
    left join lateral (
      select '[' || string_agg(entry, ',' order by type, id) || ']' as details from (
        select type, id,
          '{"type":' || to_json(type::text) || ',"identifier":' || to_json(id::text) ||
          ',"privileges":' || array_to_json(array_agg(role::text order by role)) || '}' as entry
        from grants g where g.realm_id = ${realmId} and g.client_id = c.client_id
        group by type, id
      ) as entries
    ) as d on true
    where a.realm_id = ${realmId} and a.client_id = c.client_id
  `.execute(trx)
}
