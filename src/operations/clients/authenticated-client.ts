import type { AssertedAudience } from '../../domain/client-assertion.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import type { LoadedRealm } from './realm-loading.ts'

/** A client that has proved who it is. */
export interface AuthenticatedClient {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord
  /** Id of a secret or workload identity, thumbprint of a key. */
  readonly secretId: string
  /** Audience of its assertion, if it sent one. */
  readonly assertedAudience?: AssertedAudience
  /** Until when its platform vouches for it, in seconds since the epoch. */
  readonly notAfter?: number
}
