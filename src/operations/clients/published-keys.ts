import { KeysUnavailableError } from '../../domain/key-source.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { KeyRecord } from '../../storage/assertion-records.ts'
import { throwUnavailable } from './loaded-realms.ts'

/** The keys that a service account publishes at an address. @throws KeysUnavailableError */
export type FindPublishedKeys = (
  realmId: string,
  address: string,
  kid: string | undefined,
) => Promise<readonly KeyRecord[]>

/** @throws OAuthError `temporarily_unavailable`: without the keys, nothing is known about the assertion */
export function throwKeysUnavailable(error: unknown): never {
  if (error instanceof KeysUnavailableError)
    throw new OAuthError('temporarily_unavailable', 'Try again shortly.', error.message)
  throwUnavailable(error)
}
