import { boundHmacOf, hmacOf, isGeneratedSecret, type SecretOwner } from '../../crypto/client-secret.ts'
import { QueueOverload } from '../../crypto/fair-queue.ts'
import { newId } from '../../crypto/identifier.ts'
import { keyedHashOf } from '../../crypto/imported-secret.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { ListedClientSecret } from '../../domain/service-account.ts'
import { insertClientSecret, type NewClientSecret } from '../../storage/client-secrets.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { updateRealmImportsSecrets } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'

export interface HashedSecret {
  readonly secret: string
  readonly phc: string
}

/**
 * Hashes a secret. Slow: do it before any row is locked.
 * @throws OAuthError `temporarily_unavailable`
 */
export async function hashSecret(
  { argon2 }: Pick<Dependencies, 'argon2'>,
  realmName: string,
  secret: string,
): Promise<HashedSecret> {
  try {
    return { secret, phc: await argon2.hash(secret, realmName) }
  } catch (error) {
    if (!(error instanceof QueueOverload)) throw error
    const description = 'Too many secrets are being made at once. Nothing was changed. Try again shortly.'
    throw new OAuthError('temporarily_unavailable', description, error.message)
  }
}

/** Stored values of a secret. */
export function secretRecord(
  { clock, verifierKey, plainHashesUntil }: Pick<Dependencies, 'clock' | 'verifierKey' | 'plainHashesUntil'>,
  owner: SecretOwner,
  { secret, phc }: HashedSecret,
): NewClientSecret {
  const generated = isGeneratedSecret(secret)
  const plain = generated || (plainHashesUntil !== undefined && clock() < plainHashesUntil)
  return {
    id: newId(),
    phc: plain ? phc : '',
    hmac: generated ? hmacOf(secret, verifierKey) : undefined,
    boundHmac: generated ? boundHmacOf(secret, owner, verifierKey) : undefined,
    keyedPhc: generated ? undefined : keyedHashOf(phc, owner, verifierKey, secret),
    // Four characters of a short secret would help to guess it.
    lastFour: generated ? secret.slice(-4) : '',
  }
}

/** A secret that was made now. */
export function newlyListed(
  { id, lastFour }: Pick<NewClientSecret, 'id' | 'lastFour'>,
  createdAt: Date,
): ListedClientSecret {
  return { id, lastFour, createdAt, expiresAt: undefined, tooOldAt: undefined, lastUsedAt: undefined }
}

/** Stores the first secret of a new account. */
export async function storeSecret(
  deps: Parameters<typeof secretRecord>[0],
  {
    trx,
    realm,
    now,
  }: { readonly trx: DatabaseTransaction; readonly realm: { readonly id: string }; readonly now: Date },
  clientId: string,
  hashed: HashedSecret,
): Promise<ListedClientSecret> {
  const secret = secretRecord(deps, { realmId: realm.id, clientId }, hashed)
  await insertClientSecret(trx, realm.id, clientId, { ...secret, createdAt: now })
  if (!secret.hmac) await updateRealmImportsSecrets(trx, realm.id)
  return newlyListed(secret, now)
}
