import { type RawBuilder, sql } from 'kysely'
import type { AccountFilter, AccountState } from '../domain/account-filter.ts'
import { nameKey } from '../domain/service-account.ts'
import type { Database } from './database.ts'
import { holdsRole } from './held-roles.ts'
import { isLeakOpen } from './leaked-secrets.ts'
import { monthOf } from './uses.ts'

/** Columns of an account that conditions read. */
export const CONDITION_COLUMNS = sql`realm_id, name_key, client_id, description, roles, auth_methods, metadata,
  disabled_at, expires_at, created_at`

/** Conditions on an account `a` with `CONDITION_COLUMNS`, cheap ones first. */
export function accountConditions(filter: AccountFilter, now: Date): RawBuilder<unknown>[] {
  const { nameContains, textContains, clientIdStart, state, role, authMethod } = filter
  const { isRotating, isLeaked, unusedSince } = filter
  const conditions: (RawBuilder<unknown> | undefined | false)[] = [
    nameContains !== undefined && sql`position(${nameKey(nameContains)} in a.name_key) > 0`,
    clientIdStart !== undefined && sql`starts_with(a.client_id, ${clientIdStart})`,
    state !== undefined && isInState(state, now),
    role !== undefined && sql`${role} = any (a.roles)`,
    authMethod !== undefined && sql`${authMethod} = any (a.auth_methods)`,
    textContains !== undefined && hasText(textContains),
    isRotating !== undefined && sql`${isRotatingAt(now)} = ${isRotating}::boolean`,
    isLeaked !== undefined && sql`${hasOpenLeak(now)} = ${isLeaked}::boolean`,
    unusedSince !== undefined && isUnusedSince(unusedSince),
  ]
  return conditions.filter((condition) => condition !== undefined && condition !== false)
}

function isInState(state: AccountState, now: Date): RawBuilder<unknown> {
  if (state === 'disabled') return sql`a.disabled_at is not null`
  const hasEnded = sql`coalesce(a.expires_at <= ${now}, false)`
  return sql`(a.disabled_at is null and ${state === 'ended' ? hasEnded : sql`not ${hasEnded}`})`
}

function hasText(text: string): RawBuilder<unknown> {
  const key = nameKey(text)
  const typed = text.normalize('NFC')
  const isIn = (column: RawBuilder<unknown>, of = (part: string) => part) =>
    // A database with locale C folds the case of ASCII alone.
    sql`(position(${of(typed.toLowerCase())} in lower(${column})) > 0 or position(${of(typed)} in ${column}) > 0)`
  const labels = sql`concat_ws(E'\\n', a.metadata::jsonb ->> 'owner', a.metadata::jsonb ->> 'tags')`
  // Few accounts have it in their metadata: those alone are parsed. The line break between labels is in no metadata.
  const mayBeLabel = typed.includes('\n') ? sql`true` : isIn(sql`a.metadata`, asInJson)
  return sql`(position(${key} in a.name_key) > 0 or position(${key} in lower(a.client_id)) > 0
    or ${isIn(sql`a.description`)} or (a.metadata is not null and ${mayBeLabel} and ${isIn(labels)}))`
}

function asInJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function isRotatingAt(now: Date): RawBuilder<unknown> {
  return sql`exists (select from client_secrets s
    where s.realm_id = a.realm_id and s.client_id = a.client_id and s.expires_at > ${now})`
}

function hasOpenLeak(now: Date): RawBuilder<unknown> {
  return sql`('client_secret' = any (a.auth_methods) and exists (select from leaked_secrets l
    where l.realm_id = a.realm_id and l.client_id = a.client_id and ${isLeakOpen(now)}))`
}

/** One look-up for each account. */
function isUnusedSince(then: Date): RawBuilder<unknown> {
  return sql`coalesce((
    select max(used_at) from last_uses u where u.realm_id = a.realm_id and u.client_id = a.client_id
  ), a.created_at) < ${then}`
}

/**
 * client_ids of accounts among which all matches are, found by an index; `undefined`: no condition leaves so few.
 * @param most maximum of candidates
 */
export async function findFewCandidates(
  db: Database,
  realmId: string,
  filter: AccountFilter,
  { now, most }: { readonly now: Date; readonly most: number },
): Promise<readonly string[] | undefined> {
  for (const candidates of candidateQueries(realmId, filter, now)) {
    const { rows } = await sql<{ client_id: string }>`${candidates} limit ${most + 1}`.execute(db)
    if (rows.length <= most) return [...new Set(rows.map((row) => row.client_id))]
  }
  return undefined
}

/** Each is a range of one index. */
export function candidateQueries(realmId: string, filter: AccountFilter, now: Date): RawBuilder<unknown>[] {
  const { clientIdStart, state, role, isRotating, isLeaked, unusedSince } = filter
  const inRealm = sql`where realm_id = ${realmId}::bigint`
  const accounts = sql`select client_id from service_accounts ${inRealm}`
  const queries: (RawBuilder<unknown> | false)[] = [
    clientIdStart !== undefined && startingWith(`${realmId}/${clientIdStart}`),
    isLeaked === true && sql`select distinct client_id from leaked_secrets ${inRealm}`,
    isRotating === true &&
      sql`select distinct client_id from client_secrets ${inRealm} and expires_at > ${now}`,
    state === 'disabled' && sql`${accounts} and disabled_at is not null`,
    state === 'ended' && sql`select client_id from account_ends ${inRealm} and expires_at <= ${now}`,
    unusedSince !== undefined && lastUsedBefore(inRealm, unusedSince),
    // With realm_id too, PostgreSQL may read the whole realm by another index.
    role !== undefined && sql`select client_id from service_accounts where ${holdsRole(realmId, role)}`,
  ]
  return queries.filter((query) => query !== false)
}

/**
 * Those never used, and those whose last use was in that month or before it, or has no month yet. A client_id may come twice.
 */
function lastUsedBefore(inRealm: RawBuilder<unknown>, then: Date): RawBuilder<unknown> {
  const used = sql`select client_id from last_uses ${inRealm}`
  return sql`select client_id from never_used_accounts ${inRealm} and created_at < ${then}
    union all ${used} and used_month is null union all ${used} and used_month <= ${monthOf(then)}::date`
}

/** Same expression as the index; a client_id has ASCII alone. */
function startingWith(start: string): RawBuilder<unknown> {
  const place = sql`(realm_id::text || '/' || client_id) collate "C"`
  return sql`select client_id from service_accounts where ${place} >= ${start} and ${place} < ${`${start}\x7f`}`
}
