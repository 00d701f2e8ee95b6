import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import {
  type Database,
  type DatabaseTransaction,
  inTransaction,
  isStatementTimeout,
  type TransactionOptions,
} from '../../storage/database.ts'

/** Writes realms one by one after a batch of several had to wait for a locked one. */
const IN_TURN = { statementMilliseconds: 300, ...READERS_MAY_LAG }

/** Writes rows of many realms in one statement. Returns those of realms that another session has locked, as one that
 * deletes a large realm does. */
export async function writeUnheld<Row>(
  db: Database,
  rows: readonly Row[],
  { realmOf, write }: RowWriter<Row>,
  options: TransactionOptions = READERS_MAY_LAG,
): Promise<readonly Row[]> {
  try {
    await inTransaction(db, (trx) => write(trx, rows), options)
    return []
  } catch (error) {
    if (!isStatementTimeout(error)) throw error
    const realms = Map.groupBy(rows, realmOf)
    if (realms.size === 1) return rows
    const held: Row[] = []
    for (const some of realms.values())
      held.push(...(await writeUnheld(db, some, { realmOf, write }, IN_TURN)))
    return held
  }
}

interface RowWriter<Row> {
  readonly realmOf: (row: Row) => string
  readonly write: (trx: DatabaseTransaction, rows: readonly Row[]) => Promise<void>
}
