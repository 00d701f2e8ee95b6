import type { AuthorizationDetail } from '../domain/authorization-details.ts'
import type { CustomClaim, Metadata } from '../domain/custom-claim.ts'
import type { Quota } from '../domain/quota.ts'
import { toClaims, toMetadata, toQuota } from './claim-texts.ts'
import type { Database } from './database.ts'
import { preparedStatement } from './prepared-statements.ts'
import type { RealmVersion } from './realms.ts'

export interface ClientLookup {
  readonly realm: string
  /** `undefined`: only the realm is looked up. */
  readonly clientId: string | undefined
}

export interface SecretRecord {
  readonly id: string
  /** HMAC of a secret that the server made, bound to the account. */
  readonly boundHmac: Buffer | undefined
  /** HMAC of a secret made before hashes were bound. */
  readonly hmac: Buffer | undefined
  /** Keyed hash of an imported secret. */
  readonly keyedPhc: string | undefined
  /** Hash of a secret imported before hashes were keyed. */
  readonly phc: string | undefined
  /** End of a rotation's overlap, or of the age that a secret may have. */
  readonly expiresAt: Date | undefined
}

/** Everything that a token request reads about a client. */
export interface ClientRecord extends RealmVersion {
  readonly account: AccountRecord | undefined
}

export interface AccountRecord {
  readonly clientId: string
  readonly name: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[] | undefined
  readonly introspectsAudiences: readonly string[] | undefined
  readonly disabledAt: Date | undefined
  /** Networks that it may authenticate from. */
  readonly allowedNetworks: readonly string[] | undefined
  readonly expiresAt: Date | undefined
  /** Grants, in the form of a token's authorization_details. */
  readonly details: readonly AuthorizationDetail[]
  /** The account has more grants than a token can hold. */
  readonly detailsOmitted: boolean
  readonly statusIndex: number
  /** Claims of its own; `undefined`: none. */
  readonly claims: readonly CustomClaim[] | undefined
  readonly metadata: Metadata | undefined
  readonly subject: string | undefined
  readonly quota: Quota | null
  /** Single tokens of the account may be revoked until this time. */
  readonly revokedTokensUntil: Date | undefined
  readonly secrets: readonly SecretRecord[]
}

/** Realm and account of a lookup; `client_id` is null where the account does not exist. */
export interface AccountRow {
  n: number
  realm_id: string
  version: string
  client_id: string | null
  name: string
  roles: string[]
  scopes: string[] | null
  introspects_audiences: string[] | null
  disabled_at: Date | null
  allowed_networks: string[] | null
  ends_at: Date | null
  authorization_details: string | null
  authorization_details_omitted: boolean
  status_index: number
  claims: string | null
  metadata: string | null
  subject: string | null
  quota: string | null
  revoked_tokens_until: Date | null
}

interface Row extends AccountRow {
  id: string | null
  bound_hmac: Buffer | null
  hmac: Buffer | null
  keyed_phc: string | null
  phc: string | null
  expires_at: Date | null
}

/** No client_id is empty. */
const NO_CLIENT = ''

const NONE: readonly AuthorizationDetail[] = []

/** Columns of an `AccountRow` that are the account's. */
export const ACCOUNT_COLUMNS = `a.client_id, a.name, a.roles, a.scopes, a.introspects_audiences, a.disabled_at,
        a.allowed_networks, a.expires_at as ends_at, a.status_index,
        a.claims, a.metadata, a.subject, a.quota, a.revoked_tokens_until, a.authorization_details, a.authorization_details_omitted`

/** Realms and client_ids of lookups, as parameters of a query. */
export function lookupColumns(lookups: readonly ClientLookup[]) {
  return {
    realms: lookups.map((lookup) => lookup.realm),
    clientIds: lookups.map((lookup) => lookup.clientId ?? NO_CLIENT),
  }
}

/**
 * A query of clients by `lookupColumns`: one look-up by primary key for each. "offset 0" keeps PostgreSQL from joining
 * all rows of a realm.
 * @param columns beside the account's own
 * @param joined table and condition
 */
export function clientQuery(columns: string, joined: string): string {
  return `select l.n::int as n, r.id as realm_id, r.version, a.*
  from unnest((select $1::text[]), (select $2::text[])) with ordinality as l(realm, client_id, n)
  cross join lateral (select id, version, max_secret_age_seconds from realms where name = l.realm limit 1) r
  left join lateral (
    select ${ACCOUNT_COLUMNS}, ${columns}
    from service_accounts a
    left join ${joined}
    where a.realm_id = r.id and a.client_id = l.client_id
    offset 0
  ) a on true`
}

/** When a secret `s` of an account `a` in a realm `r` is too old; null: at no age. `least` passes over null. */
export const TOO_OLD_AT = `s.created_at + least(a.max_secret_age_seconds, nullif(r.max_secret_age_seconds, 0)) * interval '1 second'`

const readRows = preparedStatement<Row>(
  'mintmark_clients',
  clientQuery(
    `s.id, s.bound_hmac, case when s.bound_hmac is null then s.hmac end as hmac, s.keyed_phc,
      case when s.hmac is null and s.keyed_phc is null then s.phc end as phc,
      least(s.expires_at, ${TOO_OLD_AT}) as expires_at`,
    `client_secrets s on s.realm_id = r.id and s.client_id = l.client_id
      and 'client_secret' = any(a.auth_methods)`,
  ),
)

/** Reads many clients, in the order given; `undefined` where the realm does not exist. */
export async function findClientRecords(
  db: Database,
  lookups: readonly ClientLookup[],
): Promise<(ClientRecord | undefined)[]> {
  const { realms, clientIds } = lookupColumns(lookups)
  const rows = await readRows(db, [realms, clientIds])
  const found = new Array<ClientRecord | undefined>(lookups.length).fill(undefined)
  for (const row of rows) {
    const index = row.n - 1
    const record = found[index]
    if (!record) found[index] = toClientRecord(row, row.id === null ? [] : [toSecretRecord(row)])
    else if (record.account && row.id !== null)
      (record.account.secrets as SecretRecord[]).push(toSecretRecord(row))
  }
  return found
}

export function toClientRecord(row: AccountRow, secrets: readonly SecretRecord[]): ClientRecord {
  const { realm_id: realmId } = row
  if (row.client_id === null) return { realmId, realmVersion: row.version, account: undefined }
  return {
    realmId,
    realmVersion: row.version,
    account: {
      clientId: row.client_id,
      name: row.name,
      roles: row.roles,
      scopes: row.scopes ?? undefined,
      introspectsAudiences: row.introspects_audiences ?? undefined,
      disabledAt: row.disabled_at ?? undefined,
      allowedNetworks: row.allowed_networks ?? undefined,
      expiresAt: row.ends_at ?? undefined,
      details: row.authorization_details === null ? NONE : JSON.parse(row.authorization_details),
      detailsOmitted: row.authorization_details_omitted,
      statusIndex: row.status_index,
      claims: row.claims === null ? undefined : toClaims(row.claims),
      metadata: row.metadata === null ? undefined : toMetadata(row.metadata),
      subject: row.subject ?? undefined,
      quota: toQuota(row.quota),
      revokedTokensUntil: row.revoked_tokens_until ?? undefined,
      secrets,
    },
  }
}

function toSecretRecord(row: Row): SecretRecord {
  return {
    id: row.id as string,
    boundHmac: row.bound_hmac ?? undefined,
    hmac: row.hmac ?? undefined,
    keyedPhc: row.keyed_phc ?? undefined,
    phc: row.phc ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  }
}
