import { LRUCache } from 'lru-cache'
import { addressCheck, type IsAllowedAddress } from '../../domain/account-limits.ts'
import type { AccountRecord } from '../../storage/client-records.ts'

/** Reasons for the log. */
export const LIMIT_FAULTS = {
  ended: 'the account ended at its expires_at',
  network: 'the address is in none of the allowed_networks of the account',
} as const

export type LimitFault = keyof typeof LIMIT_FAULTS

const checks = new LRUCache<string, IsAllowedAddress>({ max: 1000 })

/** The limit that refuses an account with right credentials; `undefined`: none does. */
export function limitFault(
  { expiresAt, allowedNetworks }: Pick<AccountRecord, 'expiresAt' | 'allowedNetworks'>,
  address: string,
  now: Date,
): LimitFault | undefined {
  if (expiresAt !== undefined && expiresAt <= now) return 'ended'
  if (allowedNetworks !== undefined && !isAllowed(allowedNetworks, address)) return 'network'
  return undefined
}

function isAllowed(networks: readonly string[], address: string): boolean {
  const key = networks.join()
  let check = checks.get(key)
  if (!check) {
    check = addressCheck(networks)
    checks.set(key, check)
  }
  return check(address)
}

/** Seconds since the epoch until when tokens may live; `undefined`: as long as the realm's do. */
export function endOfTokens(
  { expiresAt }: Pick<AccountRecord, 'expiresAt'>,
  notAfter?: number,
): number | undefined {
  if (expiresAt === undefined) return notAfter
  const end = Math.floor(expiresAt.getTime() / 1000)
  return notAfter === undefined ? end : Math.min(notAfter, end)
}
