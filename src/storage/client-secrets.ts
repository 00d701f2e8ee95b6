import { type Selectable, sql } from 'kysely'
import type { ClientSecret } from '../domain/service-account.ts'
import { TOO_OLD_AT } from './client-records.ts'
import type { Database, DatabaseTransaction } from './database.ts'
import type { ClientSecretRow } from './tables.ts'

const COLUMNS = ['s.id', 's.phc', 's.hmac', 's.last_four', 's.created_at', 's.expires_at'] as const

type Row = Pick<
  Selectable<ClientSecretRow>,
  'id' | 'phc' | 'hmac' | 'last_four' | 'created_at' | 'expires_at'
> & { used_at: Date | null; too_old_at: Date | null }

export interface NewClientSecret extends Pick<ClientSecret, 'id' | 'phc' | 'hmac' | 'lastFour'> {
  /** HMAC of a secret that the server made. */
  readonly boundHmac: Buffer | undefined
  /** argon2id hash of an imported secret. */
  readonly keyedPhc: string | undefined
}

export async function insertClientSecret(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  secret: NewClientSecret & { readonly createdAt: Date },
): Promise<void> {
  await trx
    .insertInto('client_secrets')
    .values({
      realm_id: realmId,
      client_id: clientId,
      id: secret.id,
      phc: secret.phc,
      hmac: secret.hmac ?? null,
      bound_hmac: secret.boundHmac ?? null,
      keyed_phc: secret.keyedPhc ?? null,
      last_four: secret.lastFour,
      created_at: secret.createdAt,
    })
    .execute()
}

/** The new secret comes first: a rotation ends the old one, even if clocks disagree on which is older. */
export async function listClientSecrets(
  db: Database,
  realmId: string,
  clientId: string,
): Promise<ClientSecret[]> {
  const rows = await db
    .selectFrom('client_secrets as s')
    .leftJoin('last_uses as u', (join) =>
      join
        .onRef('u.realm_id', '=', 's.realm_id')
        .onRef('u.client_id', '=', 's.client_id')
        .onRef('u.secret_id', '=', 's.id'),
    )
    .select(COLUMNS)
    .innerJoin('realms as r', 'r.id', 's.realm_id')
    .innerJoin('service_accounts as a', (join) =>
      join.onRef('a.realm_id', '=', 's.realm_id').onRef('a.client_id', '=', 's.client_id'),
    )
    .select('used_at')
    .select(sql<Date | null>`${sql.raw(TOO_OLD_AT)}`.as('too_old_at'))
    .where('s.realm_id', '=', realmId)
    .where('s.client_id', '=', clientId)
    .orderBy('s.expires_at', (order) => order.desc().nullsFirst())
    .orderBy('s.created_at', 'desc')
    .orderBy('s.id')
    .execute()
  return rows.map(toClientSecret)
}

export type FoundClientSecret = Pick<ClientSecret, 'id' | 'createdAt' | 'expiresAt'> & {
  readonly realmId: string
  readonly clientId: string
  readonly hmac: string
}

/** Finds secrets of one realm, or of all realms, by HMAC in hex. */
export async function findClientSecretsByHmac(
  db: Database,
  realmId: string | undefined,
  hmacs: readonly string[],
): Promise<FoundClientSecret[]> {
  let query = db
    .selectFrom('client_secrets')
    .select(['realm_id', 'client_id', 'id', 'created_at', 'expires_at'])
    .select(sql<string>`encode(hmac, 'hex')`.as('hmac'))
    .where('hmac', 'in', [Buffer.alloc(0), ...hmacs.map((hmac) => Buffer.from(hmac, 'hex'))])
  if (realmId !== undefined) query = query.where('realm_id', '=', realmId)
  const rows = await query.execute()
  return rows.map((row) => ({
    realmId: row.realm_id,
    clientId: row.client_id,
    id: row.id,
    hmac: row.hmac,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
  }))
}

/** @param expiresAt `undefined`: valid until replaced */
export async function updateClientSecretExpiry(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
  { id, expiresAt }: Pick<ClientSecret, 'id' | 'expiresAt'>,
): Promise<void> {
  await trx
    .updateTable('client_secrets')
    .set({ expires_at: expiresAt ?? null })
    .where('realm_id', '=', realmId)
    .where('client_id', '=', clientId)
    .where('id', '=', id)
    .execute()
}

function toClientSecret(row: Row): ClientSecret {
  return {
    id: row.id,
    phc: row.phc,
    hmac: row.hmac ?? undefined,
    lastFour: row.last_four,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    tooOldAt: row.too_old_at ?? undefined,
    lastUsedAt: row.used_at ?? undefined,
  }
}
