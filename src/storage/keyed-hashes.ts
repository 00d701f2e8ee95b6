import { sql } from 'kysely'
import type { Database } from './database.ts'

/** Primary key of a secret. */
export interface SecretKey {
  readonly realmId: string
  readonly clientId: string
  readonly id: string
}

/** A secret's hash as the previous version wrote it: `hmac` if generated, `phc` if imported. */
export interface OldHash extends SecretKey {
  readonly hmac: Buffer | undefined
  readonly phc: string
  readonly keyedPhc: string | undefined
}

/** Binds the hash of a generated secret to its account. */
export async function updateBoundHmac(
  db: Database,
  { realmId, clientId, id }: SecretKey,
  boundHmac: Buffer,
): Promise<void> {
  await db
    .updateTable('client_secrets')
    .set({ bound_hmac: boundHmac })
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('id', '=', id)
    .where('hmac', 'is not', null)
    .execute()
}

/** @param keepPlain keeps the hash that the previous version reads */
export async function updateKeyedHash(
  db: Database,
  { realmId, clientId }: Pick<SecretKey, 'realmId' | 'clientId'>,
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

/** Old hashes among the next `limit` rows, and the last of these rows (`undefined` at the end). */
export async function listOldHashes(
  db: Database,
  after: SecretKey,
  limit: number,
): Promise<{ readonly hashes: readonly OldHash[]; readonly last: SecretKey | undefined }> {
  const { rows } = await sql<OldRow>`
    select realm_id, client_id, id, case when bound_hmac is null then hmac end as hmac,
      case when hmac is null and phc <> '' then phc end as phc, keyed_phc
    from client_secrets
    where (realm_id, client_id, id) > (${after.realmId}::bigint, ${after.clientId}::text, ${after.id}::text)
    order by realm_id, client_id, id limit ${limit}
  `.execute(db)
  const hashes = rows.filter(({ hmac, phc }) => hmac !== null || phc !== null).map(toOldHash)
  const last = rows.length < limit ? undefined : rows.at(-1)
  return { hashes, last: last && toOldHash(last) }
}

interface OldRow {
  realm_id: string
  client_id: string
  id: string
  hmac: Buffer | null
  phc: string | null
  keyed_phc: string | null
}

function toOldHash(row: OldRow): OldHash {
  return {
    realmId: row.realm_id,
    clientId: row.client_id,
    id: row.id,
    hmac: row.hmac ?? undefined,
    phc: row.phc ?? '',
    keyedPhc: row.keyed_phc ?? undefined,
  }
}
