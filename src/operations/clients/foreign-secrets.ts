import {
  fingerprintOf,
  isFastHash,
  isSameForeignHash,
  keyedForeignHashOf,
  quickFingerprintOf,
  remakeForeignHash,
} from '../../crypto/foreign-hash.ts'
import { keyedHashOf } from '../../crypto/imported-secret.ts'
import type { ForeignHash } from '../../domain/foreign-hash.ts'
import { isRandomSecret } from '../../domain/random-secret.ts'
import type { SecretRecord } from '../../storage/client-records.ts'
import { findImportedHash, replaceForeignHash } from '../../storage/foreign-hashes.ts'
import type { Dependencies } from '../dependencies.ts'
import { matchesImported, type PresentedSecret, throwBusy, warnIfWeak } from './imported-secrets.ts'

type Deps = Pick<
  Dependencies,
  'db' | 'tokenDb' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'log'
>

/** The record of a secret that came as another server's hash, and of which there was none of ours when it was read. */
export function hasForeignHash({ boundHmac, hmac, keyedPhc, phc }: SecretRecord): boolean {
  return !boundHmac && !hmac && !keyedPhc && !phc
}

/**
 * Returns whether the secret matches its foreign hash, and then replaces that by a hash of ours.
 * @throws OAuthError `temporarily_unavailable`
 */
export async function matchesForeign(
  deps: Deps,
  presented: PresentedSecret,
  record: SecretRecord,
): Promise<boolean> {
  const { clientSecret, owner, known } = presented
  // Read again: another request may have replaced it while this one waited for its turn.
  const present = await findImportedHash(deps.tokenDb, { ...owner, id: record.id })
  if (present?.keyedPhc) return matchesImported(deps, presented, { ...record, keyedPhc: present.keyedPhc })
  const stored = present?.foreign
  if (stored === undefined) return false
  const turn = { realm: owner.realmId, urgent: known }
  const made = await deps.argon2.compare(() => remakeForeignHash(stored, clientSecret), turn).catch(throwBusy)
  const row = { ...owner, id: record.id }
  if (!made || !isSameForeignHash(keyedForeignHashOf(made, row, deps.verifierKey), stored)) {
    // To refuse by a fast hash takes as much time as by the slow ones of unknown clients, and as many turns.
    if (isFastHash(stored)) await deps.argon2.digest(clientSecret, undefined, turn).catch(throwBusy)
    return false
  }
  await replace(deps, presented, { id: record.id, was: stored, made })
  return true
}

interface Checked {
  readonly id: string
  readonly was: string
  readonly made: ForeignHash
}

/** The secret is right whether or not this succeeds: it is tried again at the next use. */
async function replace(
  deps: Deps,
  { clientSecret, owner }: PresentedSecret,
  checked: Checked,
): Promise<void> {
  const { db, clock, argon2, verifierKey, plainHashesUntil, log } = deps
  try {
    const isQuick = isFastHash(checked.was) && isRandomSecret(clientSecret)
    const fingerprint = isQuick
      ? quickFingerprintOf(checked.made, owner, verifierKey)
      : await fingerprintOf(checked.made, owner, deps)
    const phc = await argon2.hash(clientSecret, owner.realmId)
    const keepPlain = plainHashesUntil !== undefined && clock() < plainHashesUntil
    await replaceForeignHash(
      db,
      { ...owner, id: checked.id },
      {
        was: checked.was,
        fingerprint,
        keyedPhc: keyedHashOf(phc, owner, verifierKey, clientSecret),
        phc: keepPlain ? phc : '',
      },
    )
  } catch (error) {
    log(
      `the foreign hash of client ${owner.clientId} could not be replaced: the server will try again at its next use`,
      error as Error,
    )
  }
  warnIfWeak(deps, clientSecret, owner)
}
