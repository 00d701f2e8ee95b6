import type { AccountLimits } from '../domain/account-limits.ts'
import type { AuthMethod } from '../domain/client-key.ts'
import type { CustomClaim, Metadata } from '../domain/custom-claim.ts'
import type { Quota } from '../domain/quota.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import { claimsText, metadataText, quotaText } from './claim-texts.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import { type ServiceAccountChanges, toColumns } from './service-account-changes.ts'
import {
  FOREIGN_HASH,
  LAST_USE_COLUMNS,
  SERVICE_ACCOUNT_COLUMNS,
  toServiceAccount,
} from './service-account-rows.ts'

export interface NewServiceAccount extends Partial<AccountLimits> {
  readonly clientId: string
  readonly name: string
  readonly nameKey: string
  readonly description: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[] | undefined
  readonly introspectsAudiences: readonly string[] | undefined
  readonly authMethods: readonly AuthMethod[]
  readonly jwksUri?: string | undefined
  readonly claims?: readonly CustomClaim[] | undefined
  readonly metadata?: Metadata | undefined
  readonly subject?: string | undefined
  readonly quota?: Quota | null | undefined
  readonly statusIndex: number
}

/** Throws where the name or the client_id exists: constraints service_accounts_name_key, service_accounts_pkey. */
export async function insertServiceAccount(
  trx: DatabaseTransaction,
  realmId: string,
  account: NewServiceAccount,
  now: Date,
): Promise<ServiceAccount> {
  const row = await trx
    .insertInto('service_accounts')
    .values(toNewRow(realmId, account, now))
    .returning(SERVICE_ACCOUNT_COLUMNS)
    .executeTakeFirstOrThrow()
  return toServiceAccount(row)
}

/** The row of a new account. */
export function toNewRow(realmId: string, account: NewServiceAccount, now: Date) {
  return {
    realm_id: realmId,
    client_id: account.clientId,
    name: account.name,
    name_key: account.nameKey,
    description: account.description,
    roles: [...account.roles],
    scopes: account.scopes ? [...account.scopes] : null,
    introspects_audiences: account.introspectsAudiences ? [...account.introspectsAudiences] : null,
    auth_methods: [...account.authMethods],
    jwks_uri: account.jwksUri ?? null,
    claims: claimsText(account.claims ?? []),
    metadata: metadataText(account.metadata ?? {}),
    subject: account.subject ?? null,
    quota: quotaText(account.quota ?? null),
    allowed_networks: account.allowedNetworks ? [...account.allowedNetworks] : null,
    expires_at: account.expiresAt ?? null,
    max_secret_age_seconds: account.maxSecretAgeSeconds ?? null,
    status_index: account.statusIndex,
    created_at: now,
    updated_at: now,
  }
}

export async function findServiceAccount(
  db: Database,
  realmId: string,
  clientId: string,
): Promise<ServiceAccount | undefined> {
  const row = await byClientId(db, realmId, clientId).executeTakeFirst()
  return row && toServiceAccount(row)
}

/** Locks the account's row until the transaction ends, so that changes of one account run one by one. */
export async function lockServiceAccount(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
): Promise<ServiceAccount | undefined> {
  const row = await byClientId(trx, realmId, clientId).forUpdate('service_accounts').executeTakeFirst()
  return row && toServiceAccount(row)
}

/** A page in order of name key. @param after the `next` of the page before; empty: from the beginning */
export async function listServiceAccounts(
  db: Database,
  realmId: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<ServiceAccount[]> {
  const query = selectServiceAccounts(db, realmId).where('name_key', '>', after)
  const rows = await query.orderBy('name_key').limit(limit).execute()
  return rows.map(toServiceAccount)
}

/** Accounts with these name keys, in order of name key. */
export async function findServiceAccountsByNameKey(
  db: Database,
  realmId: string,
  keys: readonly string[],
): Promise<ServiceAccount[]> {
  if (keys.length === 0) return []
  const query = selectServiceAccounts(db, realmId).where('name_key', 'in', keys)
  return (await query.orderBy('name_key').execute()).map(toServiceAccount)
}

/** Throws where the new name exists: constraint service_accounts_name_key. */
export async function updateServiceAccount(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  { updatedAt, ...changes }: ServiceAccountChanges & { readonly updatedAt: Date },
): Promise<ServiceAccount> {
  await trx
    .updateTable('service_accounts')
    .set((eb) => ({ ...toColumns(changes), version: eb('version', '+', 1), updated_at: updatedAt }))
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .execute()
  return toServiceAccount(await byClientId(trx, realmId, clientId).executeTakeFirstOrThrow())
}

/** Tables with rows of an account that no foreign key deletes, after itself. */
const ACCOUNT_TABLES = [
  'service_accounts',
  'last_uses',
  'token_counts',
  'account_origins',
  'refusal_counts',
] as const

export async function deleteServiceAccount(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
): Promise<void> {
  for (const table of ACCOUNT_TABLES)
    await trx.deleteFrom(table).where('realm_id', '=', realmId).where('client_id', '=', clientId).execute()
}

export async function findServiceAccountsByClientId(
  db: Database,
  realmId: string,
  clientIds: readonly string[],
): Promise<ServiceAccount[]> {
  if (clientIds.length === 0) return []
  const query = selectServiceAccounts(db, realmId).where('client_id', 'in', clientIds)
  return (await query.execute()).map(toServiceAccount)
}

function byClientId(db: Database, realmId: string, clientId: string) {
  return selectServiceAccounts(db, realmId).where('client_id', '=', clientId)
}

/** Accounts, each with the last use of any of its secrets. */
function selectServiceAccounts(db: Database, realmId: string) {
  return db
    .selectFrom('service_accounts')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('last_uses')
          .select(LAST_USE_COLUMNS)
          .whereRef('last_uses.realm_id', '=', 'service_accounts.realm_id')
          .whereRef('last_uses.client_id', '=', 'service_accounts.client_id')
          .orderBy('used_at', 'desc')
          .limit(1)
          .as('last_use'),
      (join) => join.onTrue(),
    )
    .select(SERVICE_ACCOUNT_COLUMNS)
    .select(LAST_USE_COLUMNS)
    .select(FOREIGN_HASH)
    .where('realm_id', '=', realmId)
}
