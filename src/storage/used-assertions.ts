import { sql } from 'kysely'
import type { Database } from './database.ts'
import { preparedStatement } from './prepared-statements.ts'

/** An assertion that is about to be accepted. */
export interface UsedAssertion {
  readonly hash: Buffer
  readonly expiresAt: Date
}

const insertRows = preparedStatement<{ hash: Buffer }>(
  'mintmark_used_assertions',
  `insert into used_assertions (hash, expires_at)
  select u.hash, u.expires_at
  from unnest((select $1::bytea[]), (select $2::timestamptz[])) as u(hash, expires_at)
  order by u.hash
  on conflict do nothing
  returning hash`,
)

/** Notes each that was not used before, many in one statement. Returns of which that is so: of the same twice, the first. */
export async function insertUsedAssertions(db: Database, uses: readonly UsedAssertion[]): Promise<boolean[]> {
  const first = new Map<string, number>()
  for (const [index, { hash }] of uses.entries()) {
    const key = hash.toString('hex')
    if (!first.has(key)) first.set(key, index)
  }
  // Always in the same order, so that two nodes that note the same wait for each other rather than deadlock.
  const keys = [...first.keys()].sort()
  const times = keys.map((key) => (uses[first.get(key) as number] as UsedAssertion).expiresAt)
  const rows = await insertRows(db, [keys.map((key) => `\\x${key}`), times])
  const isNew = new Array<boolean>(uses.length).fill(false)
  for (const { hash } of rows) isNew[first.get(hash.toString('hex')) as number] = true
  return isNew
}

/** Returns how many there were, `limit` at most. */
export async function deleteExpiredUsedAssertions(db: Database, by: Date, limit: number): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from used_assertions where ctid = any(array(
      select ctid from used_assertions
      where expires_at < ${by} order by expires_at limit ${limit} for update skip locked
    ))
  `.execute(db)
  return Number(numAffectedRows)
}
