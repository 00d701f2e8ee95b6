import { Refusal } from '../../domain/refusal.ts'
import type { HydraDatabase } from '../../storage/hydra-clients.ts'

/** CockroachDB speaks PostgreSQL's protocol. */
const POSTGRES = /^(?:postgres|postgresql|cockroach|cockroachdb|crdb):\/\//i

const OTHERS: readonly [RegExp, string][] = [
  [/^mysql:/i, 'MySQL'],
  [/^sqlite3?:/i, 'SQLite'],
  [/^memory$/i, 'memory'],
]

/** The database that a DSN of Hydra's names. @throws Refusal `invalid`, which does not repeat the DSN */
export function parseHydraDsn(dsn: string): HydraDatabase {
  const other = OTHERS.find(([form]) => form.test(dsn))?.[1]
  if (other === 'memory') throw new Refusal('invalid', 'A Hydra in memory has no database to read.')
  if (other !== undefined)
    throw new Refusal(
      'invalid',
      `${other} cannot be read here. Write a line of NDJSON for each client, {"client_id": "…", "name": "…", "secret_hash": "…"}, with what hydra_client has in client_secret, and import those: mintmark import accounts --realm <name> < accounts.ndjson. docs/move-from-hydra.md has the query.`,
    )
  const rest = dsn.replace(POSTGRES, '')
  if (rest === dsn || !URL.canParse(`postgres://${rest}`))
    throw new Refusal('invalid', 'The DSN is like postgres://user@host:5432/hydra.')
  const url = new URL(`postgres://${rest}`)
  const searchPath = url.searchParams.get('search_path') ?? undefined
  // These set Hydra's pool; the others are PostgreSQL's own.
  for (const name of [...url.searchParams.keys()])
    if (/^(max_|search_path$)/.test(name)) url.searchParams.delete(name)
  return { connectionString: url.href, searchPath }
}

/** Whether it has a password, which others could read in the list of processes. */
export function hasPassword(dsn: string): boolean {
  const rest = dsn.replace(POSTGRES, '')
  return /^[^/?#]*:[^/?#]*@/.test(rest) || /[?&](?:password|sslpassword)=/i.test(rest)
}
