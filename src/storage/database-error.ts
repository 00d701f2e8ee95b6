import pg from 'pg'
import { UnreadableValueError } from './row-values.ts'

/** The database, or a pooler in front of it, has a setting that Mintmark cannot work with. */
export class DatabaseSettingError extends Error {
  override readonly name = 'DatabaseSettingError'
}

const connectionErrors = new WeakSet<Error>()

/** No connection could be made. The database is away, whatever the error code. */
export function markConnectionError(error: Error): void {
  connectionErrors.add(error)
}

/** PostgreSQL's classes 08 connection, 53 resources, 57P operator intervention, 58 system error; then single codes:
 * 57014 query cancelled, 25006 read-only, 25P03 and 25P04 transaction timeouts, 55000 no connections allowed. */
const UNREACHABLE = /^(08|53|57P|58|57014|25006|25P03|25P04|55000)/

/** Network errors. An error with a path is about a file of this process. */
const NETWORK = /^(ECONN|ENOENT|ENOTFOUND|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN)/

/** 28 login refused, 3D000 no such database, 3F000 no such schema, 42501 no privilege, 42P01 and 42703 another schema than
 * ours, 55P03 lock timeout, 40001 and 40P01 ended for another transaction, XX001 and XX002 corrupted. */
const REFUSING = /^(28|3D000|3F000|42501|42P01|42703|55P03|40001|40P01|XX001|XX002)/

/** Whether the database is away, starting, stopping or overloaded, so that waiting may help. */
export function isDatabaseUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string') return UNREACHABLE.test(code) || (NETWORK.test(code) && !('path' in error))
  // An error of our own may quote the request.
  if (error.constructor !== Error) return false
  return /timeout|Connection terminated|Client has encountered a connection error|not queryable/i.test(
    error.message,
  )
}

/** Whether the database is at fault rather than the request: unreachable, or it refuses what this server always asks. */
export function isDatabaseAway(error: unknown): boolean {
  if (isDatabaseUnreachable(error)) return true
  if (error instanceof pg.DatabaseError) return REFUSING.test(error.code ?? '')
  if (error instanceof DatabaseSettingError || error instanceof UnreadableValueError) return true
  return error instanceof Error && connectionErrors.has(error)
}

/** Whether PostgreSQL ended a statement because of what another session holds. */
export function isStatementTimeout(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^(57014|55P03|40001|40P01)$/.test(code)
}

/** Whether it is about some rows alone: another session holds them, or they cannot be read. The others may be fine. */
export function isOfSomeRows(error: unknown): boolean {
  if (error instanceof UnreadableValueError || isStatementTimeout(error)) return true
  return error instanceof pg.DatabaseError && /^XX00[12]$/.test(error.code ?? '')
}

const ADVICE: readonly [code: RegExp, advice: string][] = [
  [/^28/, 'check user and password in DATABASE_URL, and pg_hba.conf'],
  [/^3D000/, 'create the database that DATABASE_URL names'],
  [/^42501/, 'grant the role of DATABASE_URL what docs/database-roles.sql grants'],
  [/^(42P01|42703|3F000)/, 'check search_path and run "mintmark migrate"'],
  [/^25006/, 'point DATABASE_URL at the primary, and check default_transaction_read_only'],
  [/^53300/, 'raise max_connections, or put PgBouncer in between'],
  [/^(55P03|57014|40001|40P01)/, 'look in pg_stat_activity for a session that holds locks'],
  [
    /^(CERT|ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/,
    'check sslmode and sslrootcert in DATABASE_URL',
  ],
]

/** What is wrong with the database and what to do; `undefined` for an error of another kind. */
export function describeDatabaseError(error: unknown): string | undefined {
  if (error instanceof DatabaseSettingError) return error.message
  if (!(error instanceof pg.DatabaseError) && !isDatabaseAway(error)) return undefined
  return [`database error: ${reasonOf(error)}`, adviceFor(error as Error)].filter(Boolean).join('; ')
}

function adviceFor(error: Error & { code?: string }): string | undefined {
  if (error instanceof UnreadableValueError) return 'check DateStyle of the database, the role and the pooler'
  if (/\bSSL\b/.test(error.message)) return 'check sslmode in DATABASE_URL'
  return ADVICE.find(([code]) => code.test(error.code ?? ''))?.[1]
}

/** Code and message of an error. An error about several addresses has no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string }
  return [code, message].filter(Boolean).join(': ')
}

/** Name of the constraint that the error reports. */
export function violatedConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined
}
