import { sql } from 'kysely'
import type { ForeignKey } from '../domain/foreign-key.ts'
import type { PlatformAlgorithm } from '../domain/platform-algorithm.ts'
import type { Database, DatabaseTransaction } from './database.ts'

export interface StoredForeignKey extends ForeignKey {
  readonly mac: Buffer
}

/** A row as JSON, as it comes along with its realm. */
export interface ForeignKeyJson {
  readonly kid: string
  readonly algorithm: string
  readonly issuer: string
  readonly jwk: string
  readonly published_at: string | Date
  readonly ends_at: string | Date
  /** Hex. */
  readonly mac: string
}

const COLUMNS = `kid, algorithm, issuer, jwk, published_at, ends_at, encode(mac, 'hex') as mac`

/** For a query of realms: their foreign keys as JSON; null: none. */
export const FOREIGN_KEYS_OF_REALM = `(
  select json_agg(f order by f.kid) from (select ${COLUMNS} from foreign_keys where realm_id = realms.id) f
)`

/** In order of kid. */
export async function listForeignKeys(db: Database, realmId: string): Promise<StoredForeignKey[]> {
  const { rows } = await sql<ForeignKeyJson>`
    select ${sql.raw(COLUMNS)} from foreign_keys where realm_id = ${realmId} order by kid
  `.execute(db)
  return rows.map(toForeignKey)
}

export async function insertForeignKeys(
  trx: DatabaseTransaction,
  realmId: string,
  keys: readonly StoredForeignKey[],
): Promise<void> {
  for (const { kid, algorithm, issuer, publicJwk, publishedAt, endsAt, mac } of keys)
    await sql`
      insert into foreign_keys (realm_id, kid, algorithm, issuer, jwk, published_at, ends_at, mac)
      values (${realmId}, ${kid}, ${algorithm}, ${issuer}, ${JSON.stringify(publicJwk)}, ${publishedAt}, ${endsAt}, ${mac})
      on conflict (realm_id, kid) do update set algorithm = excluded.algorithm, issuer = excluded.issuer,
        jwk = excluded.jwk, ends_at = excluded.ends_at, mac = excluded.mac
    `.execute(trx)
}

export async function deleteForeignKey(
  trx: DatabaseTransaction,
  realmId: string,
  kid: string,
): Promise<void> {
  await sql`delete from foreign_keys where realm_id = ${realmId} and kid = ${kid}`.execute(trx)
}

/** Notes that an account's tokens ended, where the realm has keys of the previous server. */
export async function insertForeignTokenEnds(
  trx: DatabaseTransaction,
  realmId: string,
  clientIds: readonly string[],
  now: Date,
): Promise<void> {
  await sql`
    insert into foreign_token_ends (realm_id, client_id, ended_at)
    select ${realmId}::bigint, c, ${now}::timestamptz from unnest(${[...clientIds]}::text[]) as t(c)
    where exists (select from foreign_keys where realm_id = ${realmId})
    on conflict (realm_id, client_id) do update set ended_at = excluded.ended_at
  `.execute(trx)
}

/** When the tokens of an account ended last; `undefined`: never since the keys were published. */
export async function findForeignTokenEnd(
  db: Database,
  realmId: string,
  clientId: string,
): Promise<Date | undefined> {
  const { rows } = await sql<{ ended_at: Date }>`
    select ended_at from foreign_token_ends where realm_id = ${realmId} and client_id = ${clientId}
  `.execute(db)
  return rows[0]?.ended_at
}

/** Deletes some that have ended. Returns how many. */
export async function deleteEndedForeignKeys(
  db: Database,
  before: Date,
  endsBefore: Date,
  limit: number,
): Promise<number> {
  const keys = await sql`
    delete from foreign_keys where (realm_id, kid) in
      (select realm_id, kid from foreign_keys where ends_at < ${before} limit ${limit})
  `.execute(db)
  const ends = await sql`
    delete from foreign_token_ends where (realm_id, client_id) in
      (select realm_id, client_id from foreign_token_ends where ended_at < ${endsBefore} limit ${limit})
  `.execute(db)
  return Math.max(Number(keys.numAffectedRows ?? 0), Number(ends.numAffectedRows ?? 0))
}

export function toForeignKey(row: ForeignKeyJson): StoredForeignKey {
  return {
    kid: row.kid,
    algorithm: row.algorithm as PlatformAlgorithm,
    issuer: row.issuer,
    publicJwk: JSON.parse(row.jwk),
    publishedAt: new Date(row.published_at),
    endsAt: new Date(row.ends_at),
    mac: Buffer.from(row.mac, 'hex'),
  }
}
