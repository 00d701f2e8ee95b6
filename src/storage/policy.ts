import { sql } from 'kysely'
import { DEFAULT_POLICY, leastRetention, type Policy } from '../domain/policy.ts'
import { DELETED_REALM_PREFIX } from '../domain/realm.ts'
import type { Database, DatabaseTransaction } from './database.ts'

export interface StoredPolicy {
  readonly policy: Policy
  readonly version: string
}

export async function findPolicy(db: Database): Promise<StoredPolicy> {
  return toPolicy(await select(db).executeTakeFirst())
}

/** Locks the policy until the transaction ends. */
export async function lockPolicy(trx: DatabaseTransaction): Promise<StoredPolicy> {
  return toPolicy(await select(trx).forUpdate().executeTakeFirst())
}

export async function updatePolicy(trx: DatabaseTransaction, policy: Policy): Promise<StoredPolicy> {
  const row = await trx
    .updateTable('platform_policy')
    .set((eb) => ({ policy: JSON.stringify(policy), version: eb('version', '+', '1') }))
    .returning(['policy', 'version'])
    .executeTakeFirstOrThrow()
  return toPolicy(row)
}

/** Names of realms that have a setting beyond the policy. */
export async function listRealmsBeyond(db: Database, policy: Policy, limit: number): Promise<string[]> {
  const but = (values: readonly string[]) => sql<string>`all(${[...values]}::text[])`
  const rows = await db
    .selectFrom('realms')
    .select('name')
    .where((eb) =>
      eb.or([
        eb('token_lifetime_seconds', '>', policy.maxTokenLifetimeSeconds),
        eb('key_rotation_seconds', '<', policy.minKeyRotationSeconds),
        eb('key_rotation_seconds', '>', policy.maxKeyRotationSeconds),
        eb('jwks_max_age_seconds', '<', policy.minJwksMaxAgeSeconds),
        eb('jwks_max_age_seconds', '>', policy.maxJwksMaxAgeSeconds),
        eb('algorithm', '<>', but(policy.algorithms)),
        eb('leaked_secret_action', '<>', but(policy.leakedSecretActions)),
        eb('introspection_audiences', '<>', but(policy.introspectionAudiences)),
        // No number is less than none at all: then no realm may have one.
        eb('audit_retention_days', '<', leastRetention(policy) ?? policy.maxAuditRetentionDays + 1),
        eb('audit_retention_days', '>', policy.maxAuditRetentionDays),
      ]),
    )
    .where('name', 'not like', `${DELETED_REALM_PREFIX}%`)
    .orderBy('name')
    .limit(limit)
    .execute()
  return rows.map(({ name }) => name)
}

function select(db: Database) {
  return db.selectFrom('platform_policy').select(['policy', 'version']).where('id', '=', 1)
}

function toPolicy(row: { readonly policy: object; readonly version: string } | undefined): StoredPolicy {
  return { policy: { ...DEFAULT_POLICY, ...row?.policy }, version: row?.version ?? '0' }
}
