import type { SecretOwner } from '../../crypto/client-secret.ts'
import { QueueOverload } from '../../crypto/fair-queue.ts'
import {
  digestsMatch,
  hasFilter,
  keyedHashOf,
  macOf,
  parseHash,
  passesFilter,
  refilter,
} from '../../crypto/imported-secret.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { isWeakSecret } from '../../domain/secret-strength.ts'
import type { SecretRecord } from '../../storage/client-records.ts'
import { updateKeyedHash } from '../../storage/keyed-hashes.ts'
import type { Dependencies } from '../dependencies.ts'
import { acceptsOldHashes } from './generated-secrets.ts'

export interface PresentedSecret {
  readonly clientSecret: string
  readonly owner: SecretOwner
  /** Whether the client authenticated from that network before. */
  readonly known: boolean
}

type Deps = Pick<
  Dependencies,
  'db' | 'tokenDb' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'log'
>

/**
 * Returns whether the secret matches the record. Does the same work for a client without one.
 * @throws OAuthError `temporarily_unavailable`
 */
export async function matchesImported(
  deps: Deps,
  presented: PresentedSecret,
  record: SecretRecord | undefined,
): Promise<boolean> {
  const { clientSecret, owner, known } = presented
  const filtered = record === undefined || (record.keyedPhc !== undefined && hasFilter(record.keyedPhc))
  // Nearly all wrong secrets end here, so no number of strangers can keep a right one waiting for argon2id.
  if (filtered && !passesFilter(clientSecret, owner, deps.verifierKey, record?.keyedPhc)) return false
  const kept = record && parseHash((record.keyedPhc ?? record.phc) as string)
  const turn = { realm: owner.realmId, urgent: filtered || known }
  const digest = await deps.argon2.digest(clientSecret, kept, turn).catch(throwBusy)
  if (!record || !kept) return false
  const found = record.keyedPhc === undefined ? digest : macOf(digest, owner, deps.verifierKey)
  if (!digestsMatch(found, kept.digest)) return false
  if (record.keyedPhc === undefined && !(await acceptsOldHashes(deps))) return false
  if (!filtered) renew(deps, presented, record)
  return true
}

/** Now that the secret is at hand: what is kept of it gets the form that it would have today. */
function renew(
  { db, clock, verifierKey, plainHashesUntil, log }: Deps,
  { clientSecret, owner }: PresentedSecret,
  { id, phc, keyedPhc }: SecretRecord,
): void {
  const renewed =
    keyedPhc === undefined
      ? keyedHashOf(phc as string, owner, verifierKey, clientSecret)
      : refilter(keyedPhc, owner, verifierKey, clientSecret)
  const keepPlain = plainHashesUntil !== undefined && clock() < plainHashesUntil
  // Not waited for: it is tried again at the next use.
  updateKeyedHash(db, owner, { id, keyedPhc: renewed, keepPlain }).catch(() => {})
  warnIfWeak({ log }, clientSecret, owner)
}

export function warnIfWeak(
  { log }: Pick<Deps, 'log'>,
  clientSecret: string,
  { clientId }: SecretOwner,
): void {
  if (isWeakSecret(clientSecret))
    log(`the imported secret of client ${clientId} can be guessed: reset it, or import a longer one`)
}

export function throwBusy(error: unknown): never {
  if (!(error instanceof QueueOverload)) throw error
  throw new OAuthError('temporarily_unavailable', 'Try again shortly.', error.message)
}
