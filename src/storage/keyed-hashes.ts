import { sql } from 'kysely'
import type { Database } from './database.ts'

/** An imported secret whose hash is not keyed yet. */
export interface PlainHash {
  readonly realmId: string
  readonly clientId: string
  readonly id: string
  readonly phc: string
  readonly keyedPhc: string | undefined
}

/** Primary key of a secret. */
export type SecretKey = Pick<PlainHash, 'realmId' | 'clientId' | 'id'>

/** @param keepPlain keeps the hash that the previous version reads */
export async function updateKeyedHash(
  db: Database,
  { realmId, clientId }: Pick<PlainHash, 'realmId' | 'clientId'>,
  { id, keyedPhc, keepPlain }: { id: string; keyedPhc: string; keepPlain: boolean },
): Promise<void> {
  await db
    .updateTable('client_secrets')
    .set({ keyed_phc: keyedPhc, ...(!keepPlain && { phc: '' }) })
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('id', '=', id)
    .where('hmac', 'is', null)
    .execute()
}

/** Until when the previous version may run beside this one; `undefined`: it never ran here, or its hashes are gone. */
export async function findPlainHashesUntil(db: Database): Promise<Date | undefined> {
  const { rows } = await sql<{ ends_at: Date }>`
    select ends_at from upgrades where name = 'keyed-hashes'
  `.execute(db)
  return rows[0]?.ends_at
}

export async function deletePlainHashesUntil(db: Database): Promise<void> {
  await sql`delete from upgrades where name = 'keyed-hashes'`.execute(db)
}

/** Plain hashes among the next `limit` rows, and the last of these rows (`undefined` at the end). */
export async function listPlainHashes(
  db: Database,
  after: SecretKey,
  limit: number,
): Promise<{ readonly hashes: readonly PlainHash[]; readonly last: SecretKey | undefined }> {
  const { rows } = await sql<{
    realm_id: string
    client_id: string
    id: string
    phc: string | null
    keyed_phc: string | null
  }>`
    select realm_id, client_id, id, case when hmac is null and phc <> '' then phc end as phc, keyed_phc
    from client_secrets
    where (realm_id, client_id, id) > (${after.realmId}::bigint, ${after.clientId}::text, ${after.id}::text)
    order by realm_id, client_id, id limit ${limit}
  `.execute(db)
  const keys = rows.map((row) => ({ realmId: row.realm_id, clientId: row.client_id, id: row.id }))
  const hashes = rows.flatMap(({ phc, keyed_phc }, n) =>
    phc === null ? [] : [{ ...(keys[n] as SecretKey), phc, keyedPhc: keyed_phc ?? undefined }],
  )
  return { hashes, last: rows.length < limit ? undefined : keys.at(-1) }
}
