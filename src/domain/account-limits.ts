import { BlockList, isIP } from 'node:net'
import { Refusal } from './refusal.ts'

/** Bounds on how an account may get tokens. */
export interface AccountLimits {
  /** Networks that it may authenticate from, as `10.0.0.0/8`; `undefined`: any. */
  readonly allowedNetworks: readonly string[] | undefined
  /** From then on it gets no tokens, and its tokens are not active; `undefined`: it does not end. */
  readonly expiresAt: Date | undefined
  /** Maximum age of its secrets, beside that of its realm; `undefined`: that of its realm alone. */
  readonly maxSecretAgeSeconds: number | undefined
}

/** Limits to change: `null` takes one away, `undefined` leaves it. */
export interface AccountLimitsUpdate {
  readonly allowedNetworks?: readonly string[] | null | undefined
  readonly expiresAt?: Date | null | undefined
  readonly maxSecretAgeSeconds?: number | null | undefined
}

/** Limits of a new account. */
export function limitsOf({
  allowedNetworks,
  expiresAt,
  maxSecretAgeSeconds,
}: AccountLimitsUpdate): AccountLimits {
  return {
    allowedNetworks: allowedNetworks ?? undefined,
    expiresAt: expiresAt ?? undefined,
    maxSecretAgeSeconds: maxSecretAgeSeconds ?? undefined,
  }
}

export const MAX_NETWORKS = 50
/** An IPv6 address with an IPv4 address in it, and /128. */
export const MAX_NETWORK_LENGTH = 49
export const MIN_SECRET_AGE_SECONDS = 3600
export const MAX_SECRET_AGE_SECONDS = 3650 * 86_400

/** The limits in their stored form. @throws Refusal `invalid` */
export function parseLimits<T extends AccountLimitsUpdate>(update: T): T {
  const { allowedNetworks, expiresAt, maxSecretAgeSeconds } = update
  if (expiresAt && Number.isNaN(expiresAt.getTime()))
    throw new Refusal('invalid', 'expires_at is not a valid date-time.', 'expires_at')
  if (typeof maxSecretAgeSeconds === 'number') checkSecretAge(maxSecretAgeSeconds)
  if (!allowedNetworks) return update
  if (allowedNetworks.length === 0 || allowedNetworks.length > MAX_NETWORKS)
    throw new Refusal(
      'invalid',
      `allowed_networks has 1 to ${MAX_NETWORKS} networks; null: any network.`,
      'allowed_networks',
    )
  return { ...update, allowedNetworks: [...new Set(allowedNetworks.map(parseNetwork))] }
}

/** @throws Refusal `invalid` */
export function checkSecretAge(seconds: number): void {
  if (!Number.isInteger(seconds) || seconds < MIN_SECRET_AGE_SECONDS || seconds > MAX_SECRET_AGE_SECONDS)
    throw new Refusal(
      'invalid',
      `max_secret_age_seconds must be a whole number from ${MIN_SECRET_AGE_SECONDS} to ${MAX_SECRET_AGE_SECONDS}.`,
      'max_secret_age_seconds',
    )
}

/** Canonical form of an address or a network; IPv4 in IPv6 becomes IPv4. @throws Refusal `invalid` */
export function parseNetwork(text: string): string {
  const [, address = '', prefix] = /^([^/%]{2,45})(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const kind = isIP(address)
  const longest = kind === 4 ? 32 : 128
  const length = Number(prefix ?? longest)
  if (kind === 0 || length > longest)
    throw new Refusal(
      'invalid',
      'allowed_networks has addresses and networks, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.',
      'allowed_networks',
    )
  const mapped = kind === 6 ? mappedIPv4(address) : undefined
  if (mapped !== undefined && length >= 96) return networkOf(bytesOf4(mapped), length - 96, '.')
  return kind === 4 ? networkOf(bytesOf4(address), length, '.') : networkOf(bytesOf6(address), length, ':')
}

/** The text of an IPv6 address has one form here, which WHATWG URL gives. */
function canonical6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

function mappedIPv4(address: string): string | undefined {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical6(address)) ?? []
  if (high === undefined || low === undefined) return undefined
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)]
  return [a >> 8, a & 255, b >> 8, b & 255].join('.')
}

function bytesOf4(address: string): number[] {
  return address.split('.').map(Number)
}

function bytesOf6(address: string): number[] {
  const [head = '', tail] = canonical6(address).split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16)))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const zeros = new Array<number>(8 - first.length - last.length).fill(0)
  return [...first, ...(tail === undefined ? [] : zeros), ...last].flatMap((group) => [
    group >> 8,
    group & 255,
  ])
}

/** Without the bits that say which host of the network it is. */
function networkOf(bytes: readonly number[], length: number, separator: '.' | ':'): string {
  const kept = bytes.map((byte, n) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * n))) & 0xff)
  if (separator === '.') return `${kept.join('.')}/${length}`
  const groups = Array.from({ length: 8 }, (_, n) =>
    (((kept[2 * n] as number) << 8) | (kept[2 * n + 1] as number)).toString(16),
  )
  return `${canonical6(groups.join(':'))}/${length}`
}

export type IsAllowedAddress = (address: string) => boolean

/** @param networks in their stored form */
export function addressCheck(networks: readonly string[]): IsAllowedAddress {
  // In one list, a network of IPv6 that holds the mapped addresses would hold all of IPv4.
  const lists = { 4: new BlockList(), 6: new BlockList() }
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const kind = isIP(address) === 4 ? 4 : 6
    lists[kind].addSubnet(address, Number(length), `ipv${kind}`)
  }
  return (address) => {
    const kind = isIP(address)
    return (kind === 4 || kind === 6) && lists[kind].check(address, `ipv${kind}`)
  }
}
