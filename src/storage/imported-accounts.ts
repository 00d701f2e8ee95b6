import { sql } from 'kysely'
import type { ForeignHashKind } from '../domain/foreign-hash.ts'
import { insertAccountSubjects } from './account-subjects.ts'
import { insertClientKeys, type NewClientKey } from './client-keys.ts'
import type { NewClientSecret } from './client-secrets.ts'
import type { DatabaseTransaction } from './database.ts'
import { type NewServiceAccount, toNewRow } from './service-accounts.ts'

export interface NewImportedAccount extends NewServiceAccount {
  readonly createdAt: Date
  readonly disabledAt: Date | undefined
  /** None, or one, or also the one before its rotation. */
  readonly secrets: readonly NewImportedSecret[]
  readonly keys: readonly NewClientKey[]
}

export interface NewImportedSecret extends NewClientSecret {
  readonly createdAt: Date
  /** `undefined`: until it is replaced. */
  readonly expiresAt: Date | undefined
  /** Hash that checks it until its first use, in place of one of ours. */
  readonly foreign: { readonly kind: ForeignHashKind; readonly hash: string } | undefined
}

/** Inserts accounts with their secrets, in a statement a table. The caller has locked the realm and its names. */
export async function insertImportedAccounts(
  trx: DatabaseTransaction,
  realmId: string,
  accounts: readonly NewImportedAccount[],
  now: Date,
): Promise<void> {
  // A plan of when the tables were nearly empty would read all accounts for each foreign key.
  await sql`select set_config('plan_cache_mode', 'force_custom_plan', true)`.execute(trx)
  const rows = accounts.map((account) => ({
    ...toNewRow(realmId, account, now),
    created_at: account.createdAt,
    disabled_at: account.disabledAt ?? null,
  }))
  await trx.insertInto('service_accounts').values(rows).execute()
  const subjects = accounts.flatMap(({ clientId, subject }) => (subject ? [{ clientId, subject }] : []))
  await insertAccountSubjects(trx, realmId, subjects)
  const secretsOf = ({ clientId, secrets }: NewImportedAccount) =>
    secrets.map((secret) => ({ clientId, secret }))
  await insertImportedSecrets(trx, realmId, accounts.flatMap(secretsOf))
  const keys = accounts.flatMap(({ clientId, keys: own }) => own.map((key) => ({ clientId, key })))
  await insertClientKeys(trx, realmId, keys)
  await sql`
    update realms set service_account_count = service_account_count + ${accounts.length} where id = ${realmId}
  `.execute(trx)
}

interface OwnedSecret {
  readonly clientId: string
  readonly secret: NewImportedSecret
}

export async function insertImportedSecrets(
  trx: DatabaseTransaction,
  realmId: string,
  secrets: readonly OwnedSecret[],
): Promise<void> {
  if (secrets.length === 0) return
  const rows = secrets.map(({ clientId, secret }) => ({
    realm_id: realmId,
    client_id: clientId,
    id: secret.id,
    phc: secret.phc,
    hmac: secret.hmac ?? null,
    bound_hmac: secret.boundHmac ?? null,
    keyed_phc: secret.keyedPhc ?? null,
    last_four: secret.lastFour,
    created_at: secret.createdAt,
    expires_at: secret.expiresAt ?? null,
  }))
  await trx.insertInto('client_secrets').values(rows).execute()
  const foreign = secrets.flatMap(({ clientId, secret: { id, foreign } }) =>
    foreign ? [sql`(${realmId}::bigint, ${clientId}, ${id}, ${foreign.kind}, ${foreign.hash})`] : [],
  )
  if (foreign.length > 0)
    await sql`
      insert into foreign_hashes (realm_id, client_id, secret_id, kind, hash) values ${sql.join(foreign)}
    `.execute(trx)
}
