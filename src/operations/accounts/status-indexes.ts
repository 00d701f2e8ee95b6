import { randomBelow } from '../../crypto/identifier.ts'
import type { Realm } from '../../domain/realm.ts'
import { statusIndexRange } from '../../domain/status-list.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { insertStatusIndex, updateStatusIndexRetired } from '../../storage/status-lists.ts'
import type { ChangeContext } from './account-changes.ts'

/** Draws before the range is taken to be full and doubled; at half full, the chance of that is one in 65,536. */
const DRAWS = 16

/** Takes a place in the realm's status lists, drawn by chance so that it says nothing of other accounts. */
export async function takeStatusIndex(
  trx: DatabaseTransaction,
  { id, serviceAccountLimit }: Pick<Realm, 'id' | 'serviceAccountLimit'>,
): Promise<number> {
  let range = statusIndexRange(serviceAccountLimit)
  let statusIndex = randomBelow(range)
  for (let draw = 1; !(await insertStatusIndex(trx, id, statusIndex)); draw++) {
    if (draw % DRAWS === 0) range *= 2
    statusIndex = randomBelow(range)
  }
  return statusIndex
}

/** All tokens of the account are dead with the commit. */
export function retireStatusIndex({ trx, realm, account, now }: ChangeContext): Promise<void> {
  return updateStatusIndexRetired(trx, realm.id, account.statusIndex, now)
}

/** All tokens that the account has got so far are dead with the commit; those that it gets from then on are not. */
export async function replaceStatusIndex(context: ChangeContext): Promise<number> {
  const statusIndex = await takeStatusIndex(context.trx, context.realm)
  await retireStatusIndex(context)
  return statusIndex
}
