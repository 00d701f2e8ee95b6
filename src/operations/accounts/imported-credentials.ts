import type { SecretOwner } from '../../crypto/client-secret.ts'
import { keyedForeignHashOf } from '../../crypto/foreign-hash.ts'
import { newId } from '../../crypto/identifier.ts'
import type { AccountLine } from '../../domain/account-line.ts'
import type { ForeignHash } from '../../domain/foreign-hash.ts'
import { earlierOf, latestOverlapEnd, type ServiceAccount } from '../../domain/service-account.ts'
import type { PresentSecret } from '../../storage/foreign-hashes.ts'
import type { NewImportedSecret } from '../../storage/imported-accounts.ts'
import type { Dependencies } from '../dependencies.ts'
import { type HashedSecret, hashSecret, secretRecord } from './hashed-secrets.ts'
import type { ReadKey } from './new-client-key.ts'
import { hasSecrets, type SentSecret, type SentSecrets } from './sent-secrets.ts'

export type AccountImportDeps = Pick<
  Dependencies,
  | 'db'
  | 'tokenDb'
  | 'clock'
  | 'argon2'
  | 'verifierKey'
  | 'plainHashesUntil'
  | 'publicUrl'
  | 'refusals'
  | 'log'
>

/** A line and what its account has now. */
export interface ReadLine {
  readonly line: AccountLine
  readonly sent: SentSecrets | undefined
  readonly keys: readonly ReadKey[]
  readonly account: ServiceAccount | undefined
  readonly secrets: readonly PresentSecret[]
}

/** A secret to be stored: hashed by us, or by a hash that its first use replaces. */
export interface ImportedCredential {
  readonly hash: HashedSecret | ForeignHash
  /** It came by its hash. */
  readonly isForeign: boolean
  readonly createdAt: Date
  /** `undefined`: until it is replaced. */
  readonly expiresAt: Date | undefined
}

export interface CredentialPlan {
  /** In place of the present secrets; `undefined`: those stay. */
  readonly credentials: readonly ImportedCredential[] | undefined
  readonly detail?: string
}

type Planned = Pick<ReadLine, 'line' | 'sent' | 'secrets'>

/** Decides what becomes of an account's secrets. Slow: do it before any row is locked. @throws OAuthError */
export async function planCredentials(
  deps: AccountImportDeps,
  owner: SecretOwner,
  { line, sent, secrets }: Planned,
): Promise<CredentialPlan> {
  if (sent === undefined) return { credentials: undefined }
  if (secrets.some(({ isGenerated }) => isGenerated))
    return { credentials: undefined, detail: 'Its secret was made here and stays.' }
  if (await hasSecrets(deps, owner, sent, secrets)) return { credentials: undefined }
  const now = deps.clock()
  const makeOf = async ({ clear, foreign }: SentSecret) => ({
    hash: foreign ?? (await hashSecret(deps, owner.realmId, clear as string)),
    isForeign: clear === undefined,
  })
  const { current, old } = sent
  const createdAt = earlierOf(line.secretCreatedAt, now)
  const made = [{ ...(await makeOf(current)), createdAt, expiresAt: undefined }]
  if (!old || old.endsAt <= now) return { credentials: made }
  const expiresAt = earlierOf(old.endsAt, latestOverlapEnd(now))
  // No later than the one after it.
  const oldCreatedAt = earlierOf(line.oldSecretCreatedAt, createdAt)
  return { credentials: [...made, { ...(await makeOf(old)), createdAt: oldCreatedAt, expiresAt }] }
}

/** What is stored of a credential. */
export function importedSecret(
  deps: AccountImportDeps,
  owner: SecretOwner,
  { hash, createdAt, expiresAt }: ImportedCredential,
): NewImportedSecret {
  const times = { createdAt, expiresAt }
  if ('phc' in hash) return { ...secretRecord(deps, owner, hash), ...times, foreign: undefined }
  const none = { phc: '', hmac: undefined, boundHmac: undefined, keyedPhc: undefined, lastFour: '' }
  const id = newId()
  const keyed = keyedForeignHashOf(hash, { ...owner, id }, deps.verifierKey)
  return { ...none, ...times, id, foreign: { kind: hash.kind, hash: keyed } }
}

/** Kind of the hash that a line came with. */
export function foreignKindOf(credentials: readonly ImportedCredential[] | undefined) {
  const hash = credentials?.find(({ isForeign }) => isForeign)?.hash
  return hash && 'kind' in hash ? hash.kind : undefined
}
