import { reboundHmacOf } from '../../crypto/client-secret.ts'
import { keyedHashOf } from '../../crypto/imported-secret.ts'
import { MAX_CLOCK_SKEW_SECONDS } from '../../domain/clock.ts'
import {
  deletePlainHashesUntil,
  findPlainHashesUntil,
  listOldHashes,
  type SecretKey,
  updateBoundHmac,
  updateKeyedHash,
} from '../../storage/keyed-hashes.ts'
import type { Dependencies } from '../dependencies.ts'

const BATCH = 1000
const FIRST: SecretKey = { realmId: '0', clientId: '', id: '' }

/** Keys and binds the next few hashes of the version before, once the roll-out is over. Resolves to whether more may follow. */
export function createHashKeying({
  db,
  clock,
  verifierKey,
  plainHashesUntil,
}: Pick<Dependencies, 'db' | 'clock' | 'verifierKey' | 'plainHashesUntil'>): () => Promise<boolean> {
  let done = plainHashesUntil === undefined
  let after = FIRST
  return async () => {
    if (done) return false
    // Read again, since the operator may have moved it. Clocks of other nodes may be behind.
    const until = await findPlainHashesUntil(db)
    if (until && clock().getTime() < until.getTime() + MAX_CLOCK_SKEW_SECONDS * 1000) return false
    const { hashes, last } = await listOldHashes(db, after, BATCH)
    for (const hash of hashes) {
      if (hash.hmac) {
        await updateBoundHmac(db, hash, reboundHmacOf(hash.hmac, hash, verifierKey))
        continue
      }
      const keyedPhc = hash.keyedPhc ?? keyedHashOf(hash.phc, hash, verifierKey)
      await updateKeyedHash(db, hash, { id: hash.id, keyedPhc, keepPlain: false })
    }
    after = last ?? FIRST
    done = last === undefined
    if (done) await deletePlainHashesUntil(db)
    return !done
  }
}
