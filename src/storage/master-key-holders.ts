import { sql } from 'kysely'
import type { Database } from './database.ts'

/** A running server, and the ids of the master keys that it opens with. */
export interface MasterKeyHolder {
  readonly node: string
  readonly address: string
  readonly keyIds: readonly string[]
}

/** A server that has not written its row for so long has died. */
const SILENCE_SECONDS = 180

/** Writes the row of a running server, and deletes those of servers that have died. */
export async function upsertMasterKeyHolder(db: Database, holder: MasterKeyHolder): Promise<void> {
  const { node, address, keyIds } = holder
  await sql`
    with dead as (
      delete from master_key_holders where node <> ${node} and seen_at < now() - make_interval(secs => ${SILENCE_SECONDS})
    )
    insert into master_key_holders (node, address, key_ids, seen_at) values (${node}, ${address}, ${[...keyIds]}, now())
    on conflict (node) do update set key_ids = excluded.key_ids, seen_at = excluded.seen_at
  `.execute(db)
}

/** Addresses of the running servers that cannot open with this key. */
export async function findServersWithout(db: Database, keyId: string): Promise<string[]> {
  const { rows } = await sql<{ address: string }>`
    select distinct address from master_key_holders
    where seen_at >= now() - make_interval(secs => ${SILENCE_SECONDS}) and not key_ids @> array[${keyId}::text]
    order by address
  `.execute(db)
  return rows.map(({ address }) => address)
}

export async function deleteMasterKeyHolder(db: Database, node: string): Promise<void> {
  await sql`delete from master_key_holders where node = ${node}`.execute(db)
}
