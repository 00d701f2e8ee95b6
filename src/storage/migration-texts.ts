import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql, type Transaction } from 'kysely'
import pg from 'pg'

/** The database cannot be migrated. The message says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

/** SQLSTATEs that mean something else than a migration that is wrong for this database. */
const OTHERS: readonly unknown[] = ['42501', '55P03', '40P01']

/**
 * Runs the files of these migrations: in one message, as an empty database takes many, or one by one, which takes longer and
 * names the file that fails.
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
  if (!(error instanceof pg.DatabaseError) || OTHERS.includes(error.code)) return error
  const { code, message } = error
  return new MigrationError(
    `migration ${name} failed (${code}: ${message}); nothing was changed, and the version before still works on ` +
      'this database. Undo what was changed by hand in the tables that it names, and run it again',
    { cause: error },
  )
}
