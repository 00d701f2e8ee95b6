import type { SecretOwner } from '../../crypto/client-secret.ts'
import { isGeneratedSecret } from '../../crypto/client-secret.ts'
import { fingerprintOf, isSameForeignHash, keyedForeignHashOf } from '../../crypto/foreign-hash.ts'
import { newId } from '../../crypto/identifier.ts'
import type { AccountLine } from '../../domain/account-line.ts'
import type { AuthMethod } from '../../domain/client-key.ts'
import { type ForeignHash, parseForeignHash } from '../../domain/foreign-hash.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import type { PresentSecret } from '../../storage/foreign-hashes.ts'
import type { NewImportedSecret } from '../../storage/imported-accounts.ts'
import { matchesImported } from '../clients/imported-secrets.ts'
import type { Dependencies } from '../dependencies.ts'
import { type HashedSecret, hashSecret, secretRecord } from './hashed-secrets.ts'
import type { ReadKey } from './new-client-key.ts'

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
  readonly sent: ForeignHash | string | undefined
  readonly keys: readonly ReadKey[]
  readonly account: ServiceAccount | undefined
  readonly secrets: readonly PresentSecret[]
}

/** A secret to be stored: hashed here, or by another server. */
export type ImportedCredential = { readonly foreign: ForeignHash } | { readonly hashed: HashedSecret }

export interface CredentialPlan {
  /** `undefined`: the present secrets stay. */
  readonly credential: ImportedCredential | undefined
  readonly detail?: string
}

/** The credential of a line, as it was sent. @throws Refusal `invalid` */
export function readCredential({
  clientId,
  clientSecret,
  secretHash,
}: AccountLine): ForeignHash | string | undefined {
  if (secretHash !== undefined) return parseForeignHash(secretHash)
  if (clientSecret === undefined) return undefined
  checkImported({ clientId, clientSecret }, ['client_secret'])
  return clientSecret
}

/** Decides what becomes of an account's secrets. Slow: do it before any row is locked. @throws OAuthError */
export async function planCredential(
  deps: AccountImportDeps,
  owner: SecretOwner,
  sent: ForeignHash | string | undefined,
  present: readonly PresentSecret[],
): Promise<CredentialPlan> {
  if (sent === undefined) return { credential: undefined }
  if (present.some(({ isGenerated }) => isGenerated))
    return { credential: undefined, detail: 'Its secret was made here and stays.' }
  for (const secret of present) if (await isSame(deps, owner, sent, secret)) return { credential: undefined }
  return {
    credential:
      typeof sent === 'string' ? { hashed: await hashSecret(deps, owner.realmId, sent) } : { foreign: sent },
  }
}

async function isSame(
  deps: AccountImportDeps,
  owner: SecretOwner,
  sent: ForeignHash | string,
  { id, keyedPhc, phc, foreign, fingerprint }: PresentSecret,
): Promise<boolean> {
  if (typeof sent !== 'string') {
    if (foreign !== undefined)
      return isSameForeignHash(keyedForeignHashOf(sent, { ...owner, id }, deps.verifierKey), foreign)
    return fingerprint?.equals(await fingerprintOf(sent, owner, deps)) ?? false
  }
  if (foreign !== undefined) return false
  const record = { id, boundHmac: undefined, hmac: undefined, keyedPhc, phc, expiresAt: undefined }
  return matchesImported(deps, { clientSecret: sent, owner, known: true }, record)
}

/** What is stored of the credential. */
export function importedSecret(
  deps: AccountImportDeps,
  owner: SecretOwner,
  credential: ImportedCredential,
): NewImportedSecret {
  if ('hashed' in credential) return { ...secretRecord(deps, owner, credential.hashed), foreign: undefined }
  const none = { phc: '', hmac: undefined, boundHmac: undefined, keyedPhc: undefined, lastFour: '' }
  const id = newId()
  const hash = keyedForeignHashOf(credential.foreign, { ...owner, id }, deps.verifierKey)
  return { ...none, id, foreign: { kind: credential.foreign.kind, hash } }
}

export function checkImported(
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string },
  authMethods: readonly AuthMethod[],
): void {
  if (!authMethods.includes('client_secret'))
    throw new Refusal('invalid', 'A client_secret needs client_secret in auth_methods.', 'client_secret')
  checkImportedClientId(clientId)
  checkImportedClientSecret(clientSecret)
  // Generated secrets are checked without an attempt limit, so an imported one must not look generated.
  if (isGeneratedSecret(clientSecret))
    throw new Refusal(
      'invalid',
      'A client_secret of the form mm_… cannot be imported: leave it out, and the server makes one.',
      'client_secret',
    )
}
