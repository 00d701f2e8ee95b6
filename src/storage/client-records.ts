import { sql } from 'kysely'
import type { AuthorizationDetail } from '../domain/authorization-details.ts'
import type { Database } from './database.ts'
import type { RealmVersion } from './realms.ts'

export interface ClientLookup {
  readonly realm: string
  /** `undefined`: only the realm is of interest. */
  readonly clientId: string | undefined
}

export interface SecretRecord {
  readonly id: string
  readonly phc: string
  readonly hmac: Buffer | undefined
  readonly expiresAt: Date | undefined
}

/** All that the token road reads of a client, in one row. */
export interface ClientRecord extends RealmVersion {
  readonly account: AccountRecord | undefined
}

export interface AccountRecord {
  readonly clientId: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[] | undefined
  readonly introspectsAudiences: readonly string[] | undefined
  readonly disabledAt: Date | undefined
  /** Its grants as a token says them. */
  readonly details: readonly AuthorizationDetail[]
  /** They are too many for a token. */
  readonly detailsOmitted: boolean
  readonly statusIndex: number
  /** Until when some of its tokens may be revoked that are not all. */
  readonly revokedTokensUntil: Date | undefined
  readonly secrets: readonly SecretRecord[]
}

interface Row {
  n: number
  realm_id: string
  version: string
  client_id: string | null
  roles: string[]
  scopes: string[] | null
  introspects_audiences: string[] | null
  disabled_at: Date | null
  authorization_details: string | null
  authorization_details_omitted: boolean
  status_index: number
  revoked_tokens_until: Date | null
  id: string | null
  phc: string
  hmac: Buffer | null
  expires_at: Date | null
}

const NONE: readonly AuthorizationDetail[] = []

/** Reads many clients at once, in the order asked; `undefined` where the realm is not there. */
export async function findClientRecords(
  db: Database,
  lookups: readonly ClientLookup[],
): Promise<(ClientRecord | undefined)[]> {
  const realms = lookups.map((lookup) => lookup.realm)
  const clientIds = lookups.map((lookup) => lookup.clientId ?? null)
  // The text is the same however many are asked for, so that it is parsed alike and can be prepared.
  const { rows } = await sql<Row>`
    select l.n::int as n, r.id as realm_id, r.version, a.client_id, a.roles, a.scopes, a.introspects_audiences,
      a.disabled_at, a.status_index,
      a.revoked_tokens_until, a.authorization_details, a.authorization_details_omitted,
      s.id, s.phc, s.hmac, s.expires_at
    from unnest(${realms}::text[], ${clientIds}::text[]) with ordinality as l(realm, client_id, n)
    join realms r on r.name = l.realm
    left join service_accounts a on a.realm_id = r.id and a.client_id = l.client_id
    left join client_secrets s on s.realm_id = a.realm_id and s.client_id = a.client_id
  `.execute(db)

  const found = new Array<ClientRecord | undefined>(lookups.length).fill(undefined)
  for (const row of rows) {
    const index = row.n - 1
    const record = found[index]
    if (!record) found[index] = toClientRecord(row)
    else if (record.account && row.id !== null)
      (record.account.secrets as SecretRecord[]).push(toSecretRecord(row))
  }
  return found
}

function toClientRecord(row: Row): ClientRecord {
  const { realm_id: realmId } = row
  if (row.client_id === null) return { realmId, realmVersion: row.version, account: undefined }
  return {
    realmId,
    realmVersion: row.version,
    account: {
      clientId: row.client_id,
      roles: row.roles,
      scopes: row.scopes ?? undefined,
      introspectsAudiences: row.introspects_audiences ?? undefined,
      disabledAt: row.disabled_at ?? undefined,
      details: row.authorization_details === null ? NONE : JSON.parse(row.authorization_details),
      detailsOmitted: row.authorization_details_omitted,
      statusIndex: row.status_index,
      revokedTokensUntil: row.revoked_tokens_until ?? undefined,
      secrets: row.id === null ? [] : [toSecretRecord(row)],
    },
  }
}

function toSecretRecord(row: Row): SecretRecord {
  return {
    id: row.id as string,
    phc: row.phc,
    hmac: row.hmac ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  }
}
