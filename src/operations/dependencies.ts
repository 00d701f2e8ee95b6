import type { Argon2Pool } from '../crypto/argon2-pool.ts'
import type { VerifierKey } from '../crypto/client-secret.ts'
import type { PortalSealer } from '../crypto/portal-token.ts'
import type { Sealer } from '../crypto/sealing.ts'
import type { Clock } from '../domain/clock.ts'
import type { SingleSignOnSettings } from '../domain/single-sign-on.ts'
import type { Database } from '../storage/database.ts'
import type { FailedAttempts } from './clients/failed-attempts.ts'
import type { Refusals } from './refusals.ts'

/** What operations stand on; each takes what it uses. */
export interface Dependencies {
  /** Changes and administration. */
  readonly db: Database
  /** The reads that tokens need, in connections of their own: no change can take them all. */
  readonly tokenDb: Database
  /** What is written of assertions, in connections of their own: such a write may wait for a standby, which no read may. */
  readonly assertionDb: Database
  readonly clock: Clock
  /** Where the server is reached: issuers and audiences begin with it. */
  readonly publicUrl: string
  readonly sealer: Sealer
  readonly argon2: Argon2Pool
  /** Key of the HMAC that generated secrets are checked against. */
  readonly verifierKey: VerifierKey
  readonly failedAttempts: FailedAttempts
  /** Records refused attempts at administration in the audit trail. */
  readonly refusals: Refusals
  /** While the version before may run beside, hashes of imported secrets are kept as it reads them too. */
  readonly plainHashesUntil: Date | undefined
  /** Tells the operator of what went wrong and changes nothing for whoever asked. */
  readonly log: (message: string, error?: Error) => void
  /** Seals what the portal gives to browsers and keeps of identity providers, under a key of its own. */
  readonly portalSealer: PortalSealer
  /** `undefined`: the portal is reached by one-time links alone. */
  readonly singleSignOn: SingleSignOnSettings | undefined
}
