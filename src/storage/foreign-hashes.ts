import { sql } from 'kysely'
import type { Database } from './database.ts'
import type { SecretKey } from './keyed-hashes.ts'

/** Hash of an imported secret in the form that it has now. */
export interface ImportedHash {
  /** In our own form. */
  readonly keyedPhc: string | undefined
  /** In the form of another server, keyed; until the secret is used. */
  readonly foreign: string | undefined
}

/** `undefined`: the secret is gone. */
export async function findImportedHash(
  db: Database,
  { realmId, clientId, id }: SecretKey,
): Promise<ImportedHash | undefined> {
  const { rows } = await sql<{ keyed_phc: string | null; hash: string | null }>`
    select s.keyed_phc, f.hash
    from client_secrets s left join foreign_hashes f
      on f.realm_id = s.realm_id and f.client_id = s.client_id and f.secret_id = s.id
    where s.realm_id = ${realmId} and s.client_id = ${clientId} and s.id = ${id}
  `.execute(db)
  return rows[0] && { keyedPhc: rows[0].keyed_phc ?? undefined, foreign: rows[0].hash ?? undefined }
}

export interface Replacement {
  /** The foreign hash that the secret was checked with. */
  readonly was: string
  readonly fingerprint: Buffer
  readonly keyedPhc: string
  /** Hash that the previous version reads, or empty. */
  readonly phc: string
}

/** Replaces a foreign hash by ours, in one statement; changes nothing if it was replaced or the secret is gone. */
export async function replaceForeignHash(
  db: Database,
  { realmId, clientId, id }: SecretKey,
  { was, fingerprint, keyedPhc, phc }: Replacement,
): Promise<void> {
  // The secret before its foreign hash, as a deletion locks them.
  await sql`
    with replaced as (
      update client_secrets s set keyed_phc = ${keyedPhc}, phc = ${phc}
      from foreign_hashes f
      where s.realm_id = ${realmId} and s.client_id = ${clientId} and s.id = ${id} and s.keyed_phc is null
        and f.realm_id = s.realm_id and f.client_id = s.client_id and f.secret_id = s.id and f.hash = ${was}
      returning s.realm_id, s.client_id, s.id
    )
    update foreign_hashes f set hash = null, fingerprint = ${fingerprint}
    from replaced r
    where f.realm_id = r.realm_id and f.client_id = r.client_id and f.secret_id = r.id
  `.execute(db)
}

/** Secrets of a realm, without those that end, that still have a foreign hash; counts no further than `limit`. */
export async function countForeignHashes(db: Database, realmId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (
      select from foreign_hashes f
      join client_secrets s on s.realm_id = f.realm_id and s.client_id = f.client_id and s.id = f.secret_id
      where f.realm_id = ${realmId} and f.hash is not null and s.expires_at is null limit ${limit}
    ) as counted
  `.execute(db)
  return rows[0]?.count ?? 0
}

/** A secret of an account, as an import has to know it. */
export interface PresentSecret {
  readonly clientId: string
  readonly id: string
  readonly isGenerated: boolean
  readonly keyedPhc: string | undefined
  readonly phc: string
  readonly foreign: string | undefined
  /** Fingerprint of the foreign hash that was replaced. */
  readonly fingerprint: Buffer | undefined
  /** `undefined`: valid until replaced. */
  readonly expiresAt: Date | undefined
}

/** The secrets of some accounts that are valid at a time. */
export async function listPresentSecrets(
  db: Database,
  realmId: string,
  clientIds: readonly string[],
  now: Date,
): Promise<PresentSecret[]> {
  const { rows } = await sql<PresentSecretRow>`
    select s.client_id, s.id, s.hmac is not null as is_generated, s.keyed_phc, s.phc, f.hash, f.fingerprint, s.expires_at
    from client_secrets s left join foreign_hashes f
      on f.realm_id = s.realm_id and f.client_id = s.client_id and f.secret_id = s.id
    where s.realm_id = ${realmId} and s.client_id = any(${clientIds}::text[])
      and (s.expires_at is null or s.expires_at > ${now})
    order by s.client_id, s.expires_at desc nulls first, s.created_at desc, s.id
  `.execute(db)
  return rows.map((row) => ({
    clientId: row.client_id,
    id: row.id,
    isGenerated: row.is_generated,
    keyedPhc: row.keyed_phc ?? undefined,
    phc: row.phc,
    foreign: row.hash ?? undefined,
    fingerprint: row.fingerprint ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  }))
}

interface PresentSecretRow {
  client_id: string
  id: string
  is_generated: boolean
  keyed_phc: string | null
  phc: string
  hash: string | null
  fingerprint: Buffer | null
  expires_at: Date | null
}
