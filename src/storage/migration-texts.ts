import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql, type Transaction } from 'kysely'
import pg from 'pg'

/** The database cannot be migrated. The message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** Returns whether a migration does not fit this database. Locks, missing rights, full disks and lost connections are other faults. */
export function isMisfit(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return false
  // Classes of PostgreSQL's SQLSTATEs: data, integrity, names and syntax. 42501 is a missing right.
  return /^(?:22|23|42)/.test(error.code) && error.code !== '42501'
}

/**
 * Runs the files of these migrations. In one message, because an empty database needs many of them; or one by one, which takes
 * longer and names the file that fails.
 * @throws MigrationError when one by one; else the error of PostgreSQL
 */
export async function runMigrations(
  trx: Transaction<unknown>,
  names: readonly string[],
  { folder, isOneByOne }: { readonly folder: string; readonly isOneByOne: boolean },
): Promise<void> {
  const texts = await Promise.all(names.map((name) => readFile(join(folder, `${name}.sql`), 'utf8')))
  if (!isOneByOne) {
    await sql.raw(texts.join('\n;\n')).execute(trx)
    return
  }
  for (const [at, text] of texts.entries()) {
    await sql
      .raw(text)
      .execute(trx)
      .catch((error: unknown) => {
        throw named(error, names[at] as string)
      })
  }
}

function named(error: unknown, name: string): unknown {
  if (!isMisfit(error)) return error
  const { code, message } = error
  return new MigrationError(
    `migration ${name} failed (${code}: ${message}); nothing was changed, and the version before still works on ` +
      'this database. Undo what was changed by hand in the tables that it names, and run it again',
    { cause: error },
  )
}
