import { type Nullable, type Selectable, sql } from 'kysely'
import type { AuthMethod } from '../domain/client-key.ts'
import type { ForeignHashKind } from '../domain/foreign-hash.ts'
import type { ServiceAccount } from '../domain/service-account.ts'
import { toClaims, toMetadata, toQuota } from './claim-texts.ts'
import type { ServiceAccountRow } from './tables.ts'
import type { LastUseRow } from './token-tables.ts'

export const SERVICE_ACCOUNT_COLUMNS = [
  'realm_id',
  'client_id',
  'name',
  'description',
  'roles',
  'scopes',
  'introspects_audiences',
  'auth_methods',
  'jwks_uri',
  'claims',
  'metadata',
  'subject',
  'quota',
  'disabled_at',
  'allowed_networks',
  'expires_at',
  'max_secret_age_seconds',
  'status_index',
  'version',
  'created_at',
  'updated_at',
] as const

/** Kind of the hash of a secret that was imported and not used yet; one that ends soon is not counted. */
export const FOREIGN_HASH = sql<string | null>`(select f.kind
  from foreign_hashes f join client_secrets s on s.realm_id = f.realm_id and s.client_id = f.client_id and s.id = f.secret_id
  where f.realm_id = service_accounts.realm_id and f.client_id = service_accounts.client_id and f.hash is not null
    and s.expires_at is null limit 1)`.as('foreign_hash')

export const LAST_USE_COLUMNS = ['used_at', 'address', 'scope'] as const

type Row = Pick<Selectable<ServiceAccountRow>, (typeof SERVICE_ACCOUNT_COLUMNS)[number]> &
  Partial<Nullable<Pick<Selectable<LastUseRow>, (typeof LAST_USE_COLUMNS)[number]>>> & {
    readonly foreign_hash?: string | null
  }

export function toServiceAccount(row: Row): ServiceAccount {
  return {
    realmId: row.realm_id,
    clientId: row.client_id,
    name: row.name,
    description: row.description,
    roles: row.roles,
    scopes: row.scopes ?? undefined,
    introspectsAudiences: row.introspects_audiences ?? undefined,
    authMethods: row.auth_methods as AuthMethod[],
    jwksUri: row.jwks_uri ?? undefined,
    claims: toClaims(row.claims),
    metadata: toMetadata(row.metadata),
    subject: row.subject ?? undefined,
    quota: toQuota(row.quota),
    disabledAt: row.disabled_at ?? undefined,
    allowedNetworks: row.allowed_networks ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    maxSecretAgeSeconds: row.max_secret_age_seconds ?? undefined,
    foreignHash: (row.foreign_hash ?? undefined) as ForeignHashKind | undefined,
    statusIndex: row.status_index,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastUsedAt: row.used_at ?? undefined,
    lastUsedAddress: row.address ?? undefined,
    lastUsedScope: row.scope || undefined,
  }
}
