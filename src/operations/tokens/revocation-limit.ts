import type { Clock } from '../../domain/clock.ts'
import { TooManyFailuresError } from '../../domain/oauth-error.ts'
import { boundedCache } from '../bounded-cache.ts'

/** Maximum per client and process: each revocation is a write and an audit event. */
export const REVOCATIONS_A_MINUTE = 600

const CLIENTS = 10_000

/** Counts a client's revocations. The returned function throws TooManyFailuresError beyond the limit. */
export function createRevocationLimit(clock: Clock): (realmId: string, clientId: string) => void {
  const counts = boundedCache<number>(CLIENTS)
  return (realmId, clientId) => {
    const seconds = Math.floor(clock().getTime() / 1000)
    const key = `${Math.floor(seconds / 60)} ${realmId} ${clientId}`
    const before = counts.get(key) ?? 0
    if (before >= REVOCATIONS_A_MINUTE)
      throw new TooManyFailuresError(60 - (seconds % 60), `revocations of ${clientId}`, TOO_MANY)
    counts.set(key, before + 1)
  }
}

const TOO_MANY = 'Too many revocations. Wait and try again, or have an administrator revoke all tokens.'
