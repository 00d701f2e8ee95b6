import {
  type AccountRow,
  type ClientLookup,
  type ClientRecord,
  clientQuery,
  lookupColumns,
  toClientRecord,
} from './client-records.ts'
import type { Database } from './database.ts'
import { preparedStatement } from './prepared-statements.ts'

/** A public key as requests with an assertion need it. */
export interface KeyRecord {
  readonly kid: string
  /** Last uses are recorded under it. */
  readonly thumbprint: string
  /** JSON. */
  readonly jwk: string
  readonly createdAt: Date
  readonly expiresAt: Date | undefined
}

/** All that a request with an assertion reads about a client: no secret is among it. */
export interface AssertionRecord extends ClientRecord {
  /** Empty for an account that may not authenticate by assertion. */
  readonly keys: readonly KeyRecord[]
  /** Where it publishes them instead; only of an account that may authenticate by assertion. */
  readonly jwksUri: string | undefined
}

interface Row extends AccountRow {
  jwks_uri: string | null
  kid: string | null
  thumbprint: string
  jwk: string
  created_at: Date
  expires_at: Date | null
}

const readRows = preparedStatement<Row>(
  'mintmark_assertions',
  clientQuery(
    `case when 'private_key_jwt' = any(a.auth_methods) then a.jwks_uri end as jwks_uri,
      k.kid, k.thumbprint, k.jwk::text as jwk, k.created_at, k.expires_at`,
    `client_keys k on k.realm_id = r.id and k.client_id = l.client_id
      and 'private_key_jwt' = any(a.auth_methods)`,
  ),
)

/** Reads many clients with their keys, in the order given; `undefined` where the realm does not exist. */
export async function findAssertionRecords(
  db: Database,
  lookups: readonly ClientLookup[],
): Promise<(AssertionRecord | undefined)[]> {
  const { realms, clientIds } = lookupColumns(lookups)
  const rows = await readRows(db, [realms, clientIds])
  const found = new Array<AssertionRecord | undefined>(lookups.length).fill(undefined)
  for (const row of rows) {
    const index = row.n - 1
    found[index] ??= { ...toClientRecord(row, []), keys: [], jwksUri: row.jwks_uri ?? undefined }
    if (row.kid !== null) (found[index].keys as KeyRecord[]).push(toKeyRecord(row, row.kid))
  }
  return found
}

function toKeyRecord({ thumbprint, jwk, created_at, expires_at }: Row, kid: string): KeyRecord {
  return { kid, thumbprint, jwk, createdAt: created_at, expiresAt: expires_at ?? undefined }
}
