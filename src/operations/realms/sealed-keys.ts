import { type Sealer, TamperedSealError, WrongMasterKeyError } from '../../crypto/sealing.ts'
import { type GeneratedKey, publicJwkOf } from '../../crypto/signing.ts'
import type { Realm } from '../../domain/realm.ts'
import type { SigningKeyState } from '../../domain/signing-key.ts'
import type { StoredSigningKey } from '../../storage/signing-keys.ts'
import type { Dependencies } from '../dependencies.ts'

/** Sealing context of a signing key: it opens for no other realm, key or algorithm. */
export function signingKeyContext(realmId: string, { kid, algorithm }: KeyName): string {
  return `signing_keys ${realmId} ${kid} ${algorithm}`
}

type KeyName = { readonly kid: string; readonly algorithm: string }

export interface KeySchedule {
  readonly state: Exclude<SigningKeyState, 'retired'>
  readonly now: Date
  readonly activatesAt: Date
}

/** A new key in stored form. */
export function sealNewKey(
  sealer: Sealer,
  { id, algorithm }: Pick<Realm, 'id' | 'algorithm'>,
  { kid, publicJwk, privateJwk }: GeneratedKey,
  { state, now, activatesAt }: KeySchedule,
): StoredSigningKey {
  return {
    kid,
    algorithm,
    state,
    publicJwk: { ...publicJwk },
    sealedPrivateJwk: sealer.seal(privateJwk, signingKeyContext(id, { kid, algorithm })),
    publishedAt: now,
    activatesAt,
    activatedAt: state === 'current' ? now : undefined,
    retiredAt: undefined,
  }
}

/** Seals the public half of a key. A value that does not open stays as it is; it is not trusted anyway. */
export function sealPublicHalf(
  sealer: Sealer,
  realmId: string,
  { kid, algorithm, sealedPrivateJwk }: KeyName & Pick<StoredSigningKey, 'sealedPrivateJwk'>,
): string {
  const context = signingKeyContext(realmId, { kid, algorithm })
  try {
    const jwk = publicJwkOf(kid, algorithm, sealer.open(sealedPrivateJwk, context))
    return sealer.seal(Buffer.from(JSON.stringify(jwk)), context)
  } catch (error) {
    if (!(error instanceof WrongMasterKeyError)) throw error
    return sealedPrivateJwk
  }
}

/** A key to publish: its public half comes from the sealed value. */
export type TrustedKey = Pick<StoredSigningKey, 'kid' | 'algorithm' | 'publicJwk'>

/**
 * Keys of a realm with an intact seal. A key that was changed in the database is left out and logged.
 * @throws WrongMasterKeyError where this process lacks the master key
 */
export function trustedKeys(
  { sealer, log }: Pick<Dependencies, 'sealer' | 'log'>,
  realm: Pick<Realm, 'id' | 'name'>,
  keys: readonly Pick<StoredSigningKey, 'kid' | 'algorithm' | 'sealedPrivateJwk'>[],
): TrustedKey[] {
  return keys.flatMap(({ kid, algorithm, sealedPrivateJwk }) => {
    try {
      const jwk = sealer.open(sealedPrivateJwk, signingKeyContext(realm.id, { kid, algorithm }))
      return [{ kid, algorithm, publicJwk: { ...publicJwkOf(kid, algorithm, jwk) } }]
    } catch (error) {
      if (!(error instanceof TamperedSealError)) throw error
      log(
        `the signing key ${kid} of realm ${realm.name} was changed in the database: it is not trusted; revoke it`,
        error,
      )
      return []
    }
  })
}
