import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from './database.ts'

export interface AccountSubject {
  readonly clientId: string
  readonly subject: string
}

/** Throws where another account has the subject: constraint account_subjects_pkey. */
export async function insertAccountSubjects(
  trx: DatabaseTransaction,
  realmId: string,
  subjects: readonly AccountSubject[],
): Promise<void> {
  if (subjects.length === 0) return
  const [clientIds, texts] = [
    subjects.map(({ clientId }) => clientId),
    subjects.map(({ subject }) => subject),
  ]
  await sql`
    insert into account_subjects (realm_id, client_id, subject)
    select ${realmId}::bigint, c, s from unnest(${clientIds}::text[], ${texts}::text[]) as t(c, s)
    on conflict (realm_id, client_id) do update set subject = excluded.subject
  `.execute(trx)
}

/** Accounts whose tokens have one of these as sub: by their subject, or else by their client_id. */
export async function findSubjects(
  db: Database,
  realmId: string,
  subs: readonly string[],
): Promise<AccountSubject[]> {
  if (subs.length === 0) return []
  const { rows } = await sql<{ client_id: string; sub: string }>`
    select client_id, subject as sub from account_subjects
    where realm_id = ${realmId} and subject = any(${[...subs]}::text[])
    union all
    select client_id, client_id from service_accounts
    where realm_id = ${realmId} and client_id = any(${[...subs]}::text[])
  `.execute(db)
  return rows.map(({ client_id: clientId, sub: subject }) => ({ clientId, subject }))
}
