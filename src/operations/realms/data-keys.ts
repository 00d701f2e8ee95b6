import { importVerifierKey, type VerifierKey } from '../../crypto/client-secret.ts'
import { generateDataKey } from '../../crypto/data-key.ts'
import { createPortalSealer, type PortalSealer } from '../../crypto/portal-token.ts'
import { type Sealer, WrongMasterKeyError } from '../../crypto/sealing.ts'
import type { Clock } from '../../domain/clock.ts'
import { findDataKey, insertDataKey } from '../../storage/data-keys.ts'
import type { Database } from '../../storage/database.ts'

const VERIFIER_KEY = 'client-secret-verifier'
export const PORTAL_KEY = 'portal'

/**
 * Key of the HMAC of generated secrets: random, made once, stored sealed. If it were derived from the master key, that
 * could never be replaced.
 * @throws WrongMasterKeyError
 */
export async function openVerifierKey(db: Database, sealer: Sealer, clock: Clock): Promise<VerifierKey> {
  return importVerifierKey(await openDataKey(db, sealer, clock, VERIFIER_KEY))
}

/**
 * Key that seals the portal's cookies, the same on every node.
 * @throws WrongMasterKeyError
 */
export async function openPortalSealer(db: Database, sealer: Sealer, clock: Clock): Promise<PortalSealer> {
  return createPortalSealer(await openDataKey(db, sealer, clock, PORTAL_KEY))
}

async function openDataKey(db: Database, sealer: Sealer, clock: Clock, purpose: string): Promise<Uint8Array> {
  const sealed = await findDataKey(db, purpose)
  const context = dataKeyContext(purpose)
  if (sealed !== undefined) return sealer.open(sealed, context)
  await insertDataKey(db, purpose, sealer.seal(generateDataKey(), context), clock())
  const kept = await findDataKey(db, purpose)
  if (kept === undefined) throw new WrongMasterKeyError(`the key ${purpose} is gone`)
  return sealer.open(kept, context)
}

/** Sealing context of a data key. */
export function dataKeyContext(purpose: string): string {
  return `data_keys ${purpose}`
}
