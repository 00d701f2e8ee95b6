import { randomBelow } from '../../crypto/identifier.ts'
import type { Realm } from '../../domain/realm.ts'
import { statusIndexRange } from '../../domain/status-list.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { insertForeignTokenEnds } from '../../storage/foreign-keys.ts'
import {
  insertStatusIndex,
  insertStatusIndexes,
  updateStatusIndexRetired,
} from '../../storage/status-lists.ts'
import type { ChangeContext } from './account-changes.ts'

/** Draws before the range counts as full and is doubled. At half full, the probability of that is one in 65,536. */
const DRAWS = 16

/** Reserves a random index in the realm's status lists, so that it reveals nothing about other accounts. */
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

/** The same for many accounts at once. */
export async function takeStatusIndexes(
  trx: DatabaseTransaction,
  { id, serviceAccountLimit }: Pick<Realm, 'id' | 'serviceAccountLimit'>,
  count: number,
): Promise<readonly number[]> {
  let range = statusIndexRange(serviceAccountLimit)
  const taken: number[] = []
  for (let round = 1; taken.length < count; round++) {
    const drawn = new Set<number>()
    while (drawn.size < Math.min(count - taken.length, range)) drawn.add(randomBelow(range))
    taken.push(...(await insertStatusIndexes(trx, id, [...drawn])))
    if (round % DRAWS === 0) range *= 2
  }
  return taken
}

/** Revokes all tokens of the account at commit. */
export async function retireStatusIndex({ trx, realm, account, now }: ChangeContext): Promise<void> {
  await insertForeignTokenEnds(trx, realm.id, [account.clientId], now)
  await updateStatusIndexRetired(trx, realm.id, account.statusIndex, now)
}

/** Revokes the tokens that the account has got so far, at commit; later ones are valid. */
export async function replaceStatusIndex(context: ChangeContext): Promise<number> {
  const statusIndex = await takeStatusIndex(context.trx, context.realm)
  await retireStatusIndex(context)
  return statusIndex
}
