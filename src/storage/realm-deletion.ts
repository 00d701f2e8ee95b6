import { sql } from 'kysely'
import { DELETED_REALM_PREFIX, type Realm } from '../domain/realm.ts'
import { READERS_MAY_LAG } from './commit-waits.ts'
import { type Database, type DatabaseTransaction, inTransaction } from './database.ts'

/** Tables that may hold very many rows of a realm; referencing tables first. */
const LARGE = [
  'grants',
  'protected_resource_groups',
  'protected_resources',
  'foreign_hashes',
  'client_secrets',
  'client_keys',
  'leaked_secrets',
  'workload_identity_keys',
  'workload_identities',
  'service_accounts',
  'status_indexes',
  'revoked_tokens',
  'last_uses',
  'token_counts',
  'account_origins',
  'refusal_counts',
  'issuer_refusals',
  'trusted_issuers',
  'fetched_keys',
  'shadow_counts',
  'webhook_occurrences',
  'webhook_deliveries',
  'webhooks',
]

/** Later than any step of key rotation. */
const NEVER = new Date('9999-01-01T00:00:00Z')

/** Rows per statement: few enough to finish well within statement_timeout. */
const BATCH = 2000

/**
 * Deletes a realm at commit, whatever its size: no query finds it, its keys and sessions are gone, and its name is free.
 * `deleteRowsOfDeletedRealms` later deletes the rest, except the audit trail. The caller has locked the row.
 */
export async function deleteRealm(
  trx: DatabaseTransaction,
  { id, name, auditRetentionDays }: Pick<Realm, 'id' | 'name' | 'auditRetentionDays'>,
  now: Date,
): Promise<void> {
  for (const table of ['signing_keys', 'portal_sessions', 'portal_links'] as const)
    await trx.deleteFrom(table).where('realm_id', '=', id).execute()
  await trx.updateTable('webhooks').set({ enabled: false }).where('realm_id', '=', id).execute()
  await trx
    .updateTable('realms')
    .set((eb) => ({
      name: `${DELETED_REALM_PREFIX}${id}`,
      rotation_due_at: NEVER,
      version: eb('version', '+', '1'),
    }))
    .where('id', '=', id)
    .execute()
  await trx
    .insertInto('deleted_realms')
    .values({ id, name, deleted_at: now, audit_retention_days: auditRetentionDays })
    .execute()
}

/**
 * Deletes some rows of deleted realms, in a transaction of its own. Several nodes may run it: they skip each other's
 * locked rows.
 * @returns whether there may be more
 */
export async function deleteRowsOfDeletedRealms(db: Database): Promise<boolean> {
  const realm = await db
    .selectFrom('realms')
    .select('id')
    .where('name', '=', sql<string>`${DELETED_REALM_PREFIX} || id`)
    .where('rotation_due_at', '=', NEVER)
    .limit(1)
    .executeTakeFirst()
  if (!realm) return false
  return inTransaction(
    db,
    async (trx) => {
      for (const table of LARGE) {
        if (await deleteRows(trx, table, realm.id)) return true
      }
      // Rows that another node has locked keep the realm until the next run.
      const rest = await sql<{ left: boolean }>`select exists (
      ${sql.join(
        LARGE.map((table) => sql`select from ${sql.table(table)} where realm_id = ${realm.id}`),
        sql` union all `,
      )}
    ) as left`.execute(trx)
      if (!rest.rows[0]?.left) await trx.deleteFrom('realms').where('id', '=', realm.id).execute()
      return true
      // The realm itself has ended before.
    },
    READERS_MAY_LAG,
  )
}

async function deleteRows(trx: DatabaseTransaction, table: string, realmId: string): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    delete from ${sql.table(table)} where ctid = any(array(
      select ctid from ${sql.table(table)} where realm_id = ${realmId} limit ${sql.lit(BATCH)} for update skip locked
    ))
  `.execute(trx)
  return numAffectedRows > 0n
}

/** Id of the most recently deleted realm of that name. */
export async function findDeletedRealm(db: Database, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('deleted_realms')
    .select('id')
    .where('name', '=', name)
    .orderBy('deleted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.id
}
