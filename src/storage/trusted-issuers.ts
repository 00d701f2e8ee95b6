import { type Selectable, sql } from 'kysely'
import type { ClaimPath } from '../domain/claim-rule.ts'
import type { FetchedKeySource } from '../domain/key-source.ts'
import type { PlatformAlgorithm } from '../domain/platform-algorithm.ts'
import type {
  Ending,
  IssuerKeys,
  IssuerSettings,
  TrustedIssuer,
  UploadedKey,
} from '../domain/trusted-issuer.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { TrustedIssuerRow } from './federation-tables.ts'
import type { RealmVersion } from './realms.ts'

export const ISSUER_COLUMNS = [
  'id',
  'issuer',
  'name',
  'preset',
  'key_source',
  'key_address',
  'uploaded_jwks',
  'audiences',
  'algorithms',
  'max_lifetime_seconds',
  'required_claims',
  'single_use',
  'enabled',
  'ending',
  'version',
  'created_at',
  'updated_at',
] as const

type Row = Pick<Selectable<TrustedIssuerRow>, (typeof ISSUER_COLUMNS)[number]>

/** Throws where the realm trusts that issuer: constraint trusted_issuers_issuer_key. */
export async function insertTrustedIssuer(
  trx: DatabaseTransaction,
  realmId: string,
  { id, ...settings }: IssuerSettings & { readonly id: string },
  now: Date,
): Promise<TrustedIssuer> {
  const row = await trx
    .insertInto('trusted_issuers')
    .values({ realm_id: realmId, id, ...toColumns(settings), created_at: now, updated_at: now })
    .returning(ISSUER_COLUMNS)
    .executeTakeFirstOrThrow()
  return toTrustedIssuer(row)
}

/** All of a realm, in order of their issuer. */
export async function listTrustedIssuers(db: Database, realmId: string): Promise<TrustedIssuer[]> {
  const rows = await db
    .selectFrom('trusted_issuers')
    .select(ISSUER_COLUMNS)
    .where('realm_id', '=', realmId)
    .orderBy('issuer')
    .execute()
  return rows.map(toTrustedIssuer)
}

export async function findTrustedIssuer(
  db: Database,
  realmId: string,
  id: string,
): Promise<TrustedIssuer | undefined> {
  // A text that PostgreSQL refuses is none either.
  if (!/^[\w-]{1,100}$/.test(id)) return undefined
  const row = await db
    .selectFrom('trusted_issuers')
    .select(ISSUER_COLUMNS)
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && toTrustedIssuer(row)
}

export async function lockTrustedIssuer(
  trx: DatabaseTransaction,
  realmId: string,
  id: string,
): Promise<TrustedIssuer | undefined> {
  if (!/^[\w-]{1,100}$/.test(id)) return undefined
  const row = await trx
    .selectFrom('trusted_issuers')
    .select(ISSUER_COLUMNS)
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return row && toTrustedIssuer(row)
}

/** @param ending tokens that end from now on, beginning with the first account; `undefined`: none but those that do already */
export async function updateTrustedIssuer(
  trx: DatabaseTransaction,
  realmId: string,
  { id, ending, ...settings }: IssuerSettings & { readonly id: string; readonly ending: Ending | undefined },
  now: Date,
): Promise<TrustedIssuer> {
  const row = await trx
    .updateTable('trusted_issuers')
    .set((eb) => ({
      ...toColumns(settings),
      ...(ending && { ending, ended_up_to: '' }),
      version: eb('version', '+', 1),
      updated_at: now,
    }))
    .where('realm_id', '=', realmId)
    .where('id', '=', id)
    .returning(ISSUER_COLUMNS)
    .executeTakeFirstOrThrow()
  return toTrustedIssuer(row)
}

/** Every cache of the realm reads again, its trusted issuers too. */
export async function updateRealmVersion(trx: DatabaseTransaction, realmId: string): Promise<void> {
  await trx
    .updateTable('realms')
    .set((eb) => ({ version: eb('version', '+', '1') }))
    .where('id', '=', realmId)
    .execute()
}

function toColumns(settings: IssuerSettings) {
  const { keys } = settings
  return {
    issuer: settings.issuer,
    name: settings.name,
    preset: settings.preset ?? null,
    key_source: keys.kind,
    // Discovery has no address but the issuer.
    key_address: keys.kind === 'jwks' || keys.kind === 'discovery' ? null : keys.address,
    uploaded_jwks: keys.kind === 'jwks' ? JSON.stringify(keys.keys) : null,
    audiences: settings.audiences ? [...settings.audiences] : null,
    algorithms: [...settings.algorithms],
    max_lifetime_seconds: settings.maxLifetimeSeconds,
    required_claims: JSON.stringify(settings.requiredClaims),
    single_use: settings.singleUse,
    enabled: settings.enabled,
  }
}

export function toTrustedIssuer(row: Row): TrustedIssuer {
  return {
    id: row.id,
    issuer: row.issuer,
    name: row.name,
    preset: row.preset ?? undefined,
    keys: toKeys(row),
    audiences: row.audiences ?? undefined,
    algorithms: row.algorithms as PlatformAlgorithm[],
    maxLifetimeSeconds: row.max_lifetime_seconds,
    singleUse: row.single_use,
    requiredClaims: row.required_claims as ClaimPath[],
    enabled: row.enabled,
    ending: (row.ending ?? undefined) as Ending | undefined,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toKeys({
  key_source: kind,
  key_address: address,
  uploaded_jwks: uploaded,
  issuer,
}: Row): IssuerKeys {
  if (kind === 'jwks') return { kind, keys: uploaded as UploadedKey[] }
  return { kind: kind as FetchedKeySource, address: address ?? issuer }
}

/** The trusted issuers of a realm, as of one version of it. */
export interface RealmIssuers extends RealmVersion {
  readonly issuers: TrustedIssuer[]
}

/** Existing realms among the named ones, by name. One statement, so that version and issuers match. */
export async function findRealmIssuers(
  db: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, RealmIssuers>> {
  const rows = await db
    .selectFrom('realms as r')
    .leftJoin('trusted_issuers as i', 'i.realm_id', 'r.id')
    .select(['r.name as realm', 'r.id as realm_id', 'r.version as realm_version'])
    .select(ISSUER_COLUMNS.map((column) => `i.${column}` as const))
    .where('r.name', '=', sql<string>`any(${[...names]}::text[])`)
    .execute()
  const found = new Map<string, RealmIssuers>()
  for (const { realm, realm_id: realmId, realm_version: realmVersion, ...row } of rows) {
    const known = found.get(realm) ?? { realmId, realmVersion, issuers: [] }
    found.set(realm, known)
    if (row.id !== null) known.issuers.push(toTrustedIssuer(row as Row))
  }
  return found
}
