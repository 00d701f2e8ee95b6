import { isGeneratedSecret, type SecretOwner } from '../../crypto/client-secret.ts'
import {
  fingerprintOf,
  isSameForeignHash,
  keyedForeignHashOf,
  quickFingerprintOf,
  quickHashOf,
} from '../../crypto/foreign-hash.ts'
import type { AccountLine } from '../../domain/account-line.ts'
import type { AuthMethod } from '../../domain/client-key.ts'
import { type ForeignHash, parseForeignHash } from '../../domain/foreign-hash.ts'
import { isRandomSecret } from '../../domain/random-secret.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  latestOverlapEnd,
} from '../../domain/service-account.ts'
import type { PresentSecret } from '../../storage/foreign-hashes.ts'
import { matchesImported } from '../clients/imported-secrets.ts'

type Deps = Parameters<typeof matchesImported>[0]

/** A secret of a line: its hash, or itself. */
export interface SentSecret {
  /** `undefined`: its hash alone was sent. */
  readonly clear: string | undefined
  /** Hash to keep until its first use; `undefined`: it gets one of ours at once, since it might be guessed. */
  readonly foreign: ForeignHash | undefined
}

export interface SentSecrets {
  readonly current: SentSecret
  /** The one before its rotation; `null`: there is none any more, `undefined`: the line does not say. */
  readonly old: (SentSecret & { readonly endsAt: Date }) | null | undefined
}

/** The secrets of a line; `undefined`: it has none. @throws Refusal `invalid` */
export function readSecrets(line: AccountLine): SentSecrets | undefined {
  const { clientId, clientSecret, secretHash, oldClientSecret, oldSecretExpiresAt: endsAt } = line
  const clear = (secret: string, field?: string) => {
    checkImported({ clientId, clientSecret: secret }, ['client_secret'], field)
    return { clear: secret, foreign: isRandomSecret(secret) ? quickHashOf(secret) : undefined }
  }
  const current =
    secretHash !== undefined
      ? { clear: undefined, foreign: parseForeignHash(secretHash) }
      : clientSecret !== undefined && clear(clientSecret)
  if (typeof oldClientSecret !== 'string') return current ? { current, old: oldClientSecret } : undefined
  if (!current)
    throw new Refusal(
      'invalid',
      'An old_client_secret goes with the new secret: client_secret or secret_hash.',
      'old_client_secret',
    )
  if (!endsAt) throw new Refusal('invalid', 'An old_client_secret needs its end.', 'old_secret_expires_at')
  return { current, old: { ...clear(oldClientSecret, 'old_client_secret'), endsAt } }
}

/** Whether an account has just these secrets already. Slow: do it before any row is locked. @throws OAuthError */
export async function hasSecrets(
  deps: Deps,
  owner: SecretOwner,
  { current, old }: SentSecrets,
  present: readonly PresentSecret[],
): Promise<boolean> {
  const now = deps.clock()
  const [lasting, ending] = [true, false].map((is) =>
    present.find((one) => (one.expiresAt === undefined) === is),
  )
  if (!lasting || !(await isSame(deps, owner, current, lasting))) return false
  if (old === undefined) return true
  if (!old || old.endsAt <= now) return ending === undefined
  const end = ending?.expiresAt
  // What ends later than it may stays as it is.
  const isSameEnd = end?.getTime() === old.endsAt.getTime() || old.endsAt > latestOverlapEnd(now)
  return ending !== undefined && isSameEnd && isSame(deps, owner, old, ending)
}

async function isSame(
  deps: Deps,
  owner: SecretOwner,
  { clear, foreign: sent }: SentSecret,
  { id, keyedPhc, phc, foreign, fingerprint }: PresentSecret,
): Promise<boolean> {
  if (foreign !== undefined)
    return (
      sent !== undefined &&
      isSameForeignHash(keyedForeignHashOf(sent, { ...owner, id }, deps.verifierKey), foreign)
    )
  if (sent && fingerprint?.equals(quickFingerprintOf(sent, owner, deps.verifierKey))) return true
  if (clear === undefined)
    return (sent && fingerprint?.equals(await fingerprintOf(sent, owner, deps))) ?? false
  const record = { id, boundHmac: undefined, hmac: undefined, keyedPhc, phc, expiresAt: undefined }
  return matchesImported(deps, { clientSecret: clear, owner, known: true }, record)
}

export function checkImported(
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
  authMethods: readonly AuthMethod[],
  field = 'client_secret',
): void {
  if (!authMethods.includes('client_secret'))
    throw new Refusal('invalid', `A ${field} needs client_secret in auth_methods.`, field)
  checkImportedClientId(clientId)
  checkImportedClientSecret(clientSecret, field)
  // Generated secrets are checked without an attempt limit, so an imported one must not look generated.
  if (isGeneratedSecret(clientSecret))
    throw new Refusal(
      'invalid',
      `A ${field} of the form mm_… cannot be imported: leave it out, and the server makes one.`,
      field,
    )
}
