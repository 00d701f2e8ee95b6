import { sql } from 'kysely'
import type { KeptAnswer } from '../domain/idempotency-key.ts'
import type { Database } from './database.ts'

export interface NewIdempotencyKey {
  readonly hash: Buffer
  readonly actor: string
  readonly fingerprint: Buffer
  readonly expiresAt: Date
}

export interface KeptRequest {
  readonly fingerprint: Buffer
  /** `undefined`: it is under way, or its outcome is not known. */
  readonly answer: KeptAnswer | undefined
}

/** Returns whether the key is new: one that has expired counts as none. */
export async function insertIdempotencyKey(
  db: Database,
  { hash, actor, fingerprint, expiresAt }: NewIdempotencyKey,
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`
    insert into idempotency_keys (hash, actor, fingerprint, expires_at)
    values (${hash}, ${actor}, ${fingerprint}, ${expiresAt})
    on conflict (hash) do update
      set fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, status = null, location = null, etag = null, body = null
      where idempotency_keys.expires_at <= ${now}
    returning hash
  `.execute(db)
  return rows.length > 0
}

interface Row {
  readonly fingerprint: Buffer
  readonly status: number | null
  readonly location: string | null
  readonly etag: string | null
  readonly body: string | null
}

export async function findIdempotencyKey(db: Database, hash: Buffer): Promise<KeptRequest | undefined> {
  const { rows } = await sql<Row>`
    select fingerprint, status, location, etag, body from idempotency_keys where hash = ${hash}
  `.execute(db)
  const [row] = rows
  if (!row) return undefined
  const { status, location, etag, body } = row
  const answer =
    status === null
      ? undefined
      : { status, location: location ?? undefined, etag: etag ?? undefined, body: body ?? '' }
  return { fingerprint: row.fingerprint, answer }
}

/** Keys of one administrator, `limit` at most. */
export async function countIdempotencyKeys(db: Database, actor: string, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from (select from idempotency_keys where actor = ${actor} limit ${limit}) k
  `.execute(db)
  return rows[0]?.n ?? 0
}

export async function updateIdempotencyKey(
  db: Database,
  hash: Buffer,
  { status, location, etag, body }: KeptAnswer,
): Promise<void> {
  await sql`
    update idempotency_keys
    set status = ${status}, location = ${location ?? null}, etag = ${etag ?? null}, body = ${body}
    where hash = ${hash}
  `.execute(db)
}

export async function deleteIdempotencyKey(db: Database, hash: Buffer): Promise<void> {
  await sql`delete from idempotency_keys where hash = ${hash}`.execute(db)
}

/** Returns how many there were, `limit` at most. */
export async function deleteExpiredIdempotencyKeys(db: Database, by: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from idempotency_keys where hash in (
      select hash from idempotency_keys
      where expires_at < ${by} order by expires_at limit ${limit} for update skip locked
    )
  `.execute(db)
  return Number(numAffectedRows)
}
