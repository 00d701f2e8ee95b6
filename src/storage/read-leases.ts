import { sql } from 'kysely'
import { MAX_PENDING_BEATS } from '../domain/read-lease.ts'
import type { Reader } from '../domain/reader-wait.ts'
import type { Database } from './database.ts'

/** Makes the row of a reader. Changes that do not see it yet come before all of its beats. */
export async function insertReader(db: Database, reader: string, leaseMilliseconds: number): Promise<void> {
  await sql`
    insert into read_leases (reader, lease_milliseconds) values (${reader}, ${leaseMilliseconds}) on conflict do nothing
  `.execute(db)
}

/** Writes a beat. Returns false where the reader has no row. */
export async function updateBeat(db: Database, reader: string, beat: number): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    update read_leases set
      -- One that comes late is not the newest.
      beat = greatest(beat, ${beat}::bigint),
      beats = (beats || ${beat}::bigint)[greatest(1, cardinality(beats) + 2 - ${sql.lit(MAX_PENDING_BEATS)}):]
    where reader = ${reader}
  `.execute(db)
  return numAffectedRows > 0n
}

/**
 * Publishes that all reads of the reader see what was committed before a beat. Only where that beat is of this database's
 * history: after a failover it may be one of the old primary's. Not flushed, since a lost one only makes changes wait.
 */
export async function updateCovered(db: Database, reader: string, beat: number): Promise<void> {
  await sql`
    update read_leases set covered = greatest(covered, ${beat}::bigint)
    where reader = ${reader} and ${beat}::bigint = any(beats)
      and set_config('synchronous_commit', 'off', true) = 'off'
  `.execute(db)
}

interface Row {
  reader: string
  beat: string
  covered: string
  lease_milliseconds: number
}

/** All nodes that read a standby. */
export async function findReaders(db: Database): Promise<Reader[]> {
  const { rows } = await sql<Row>`select reader, beat, covered, lease_milliseconds from read_leases`.execute(
    db,
  )
  return rows.map(toReader)
}

/**
 * The same, and waits for beats that are being committed: one that is not seen yet may stand before the caller's change in the
 * log all the same. Each later beat waits for this look, so it stands after the change.
 */
export async function lockReaders(db: Database): Promise<Reader[]> {
  const { rows } = await sql<Row>`
    select reader, beat, covered, lease_milliseconds from read_leases order by reader for share
  `.execute(db)
  return rows.map(toReader)
}

function toReader({ reader, beat, covered, lease_milliseconds: leaseMilliseconds }: Row): Reader {
  return { id: reader, beat: Number(beat), covered: Number(covered), leaseMilliseconds }
}

/** Deletes a reader that has been silent since this beat, for longer than its lease. */
export async function deleteSilentReader(db: Database, { id, beat }: Reader): Promise<void> {
  await sql`delete from read_leases where reader = ${id} and beat = ${beat}`.execute(db)
}

/** A reader has stopped reading its standby for good. */
export async function deleteReader(db: Database, reader: string): Promise<void> {
  await sql`delete from read_leases where reader = ${reader}`.execute(db)
}
