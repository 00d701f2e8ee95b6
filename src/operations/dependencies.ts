import type { Argon2Pool } from '../crypto/argon2-pool.ts'
import type { VerifierKey } from '../crypto/client-secret.ts'
import type { PortalSealer } from '../crypto/portal-token.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { Clock } from '../domain/clock.ts'
import type { SingleSignOnSettings } from '../domain/single-sign-on.ts'
import type { Database } from '../storage/database.ts'
import type { CacheSizes } from './cache-sizes.ts'
import type { FailedAttempts } from './clients/failed-attempts.ts'
import type { KeyFetchSettings } from './federation/guarded-fetch.ts'
import type { ReadReplica } from './read-replica.ts'
import type { Refusals } from './refusals.ts'

/** What operations depend on; each takes what it uses. */
export interface Dependencies {
  /** Pool for changes and administration. */
  readonly db: Database
  /** Separate pool for the reads of token requests, so that changes cannot use up its connections. */
  readonly tokenDb: Database
  /** For the reads of token requests: the same, or a standby that is known to be new enough. */
  readonly readDb: Database
  /** `undefined`: there is no standby to read. */
  readonly readReplica: Pick<ReadReplica, 'measure'> | undefined
  /** Writes of assertions, on separate connections: such a write may wait for a standby, which no read may. */
  readonly assertionDb: Database
  readonly clock: Clock
  /** PUBLIC_URL: issuers and audiences begin with it. */
  readonly publicUrl: string
  readonly sealer: Sealer
  readonly argon2: Argon2Pool
  readonly cacheSizes: CacheSizes
  /** Key of the HMAC of generated secrets. */
  readonly verifierKey: VerifierKey
  readonly failedAttempts: FailedAttempts
  /** How keys of other issuers are fetched over the network. */
  readonly keyFetching: KeyFetchSettings
  /** How web hooks are sent over the network. */
  readonly webhookSending: KeyFetchSettings
  /** Records refused attempts at administration in the audit trail. */
  readonly refusals: Refusals
  /** Until when the previous version may run beside this one. Until then, imported secrets are also stored as it reads them. */
  readonly plainHashesUntil: Date | undefined
  /** Logs a problem that does not change the caller's answer. */
  readonly log: (message: string, error?: Error) => void
  /** Seals what the portal gives to browsers, and the provider tokens that it stores, under a key of its own. */
  readonly portalSealer: PortalSealer
  /** `undefined`: people sign in to the portal by one-time link only. */
  readonly singleSignOn: SingleSignOnSettings | undefined
}
