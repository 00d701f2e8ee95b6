import { isIPv6 } from 'node:net'

/** When failed attempts start to delay, and how much. */
export interface FailedAttemptsPolicy {
  /** Failures are forgotten this long after the last one. */
  readonly windowSeconds: number
  /** Maximum delay. */
  readonly maxBackOffSeconds: number
  /** Failures without a delay, per client and network. */
  readonly perClientAndAddress: number
  /** Failures without a delay, per network, for all clients together. */
  readonly perAddress: number
}

export const DEFAULT_FAILED_ATTEMPTS_POLICY: FailedAttemptsPolicy = {
  windowSeconds: 900,
  maxBackOffSeconds: 300,
  perClientAndAddress: 5,
  perAddress: 100,
}

/** A counter of failures, and how many of them cause no delay. */
export interface AttemptLimit {
  readonly key: string
  readonly limit: number
}

export type AttemptGrant =
  | { readonly outcome: 'granted'; readonly settle: (failed: boolean) => Promise<void> }
  /** Too many failures. */
  | { readonly outcome: 'held'; readonly key: string; readonly seconds: number }
  /** Undecided attempts have used up the free failures. */
  | { readonly outcome: 'busy' }

/** Counts attempts before the work starts, in this process or for all nodes. */
export interface AttemptCounters {
  /** Reserves an attempt under all keys, or under none. */
  reserve(limits: readonly AttemptLimit[]): Promise<AttemptGrant>
}

/** Delay after a number of failures: doubles with each one beyond the limit. 0: no delay. */
export function backOffSeconds(
  failures: number,
  limit: number,
  { maxBackOffSeconds }: FailedAttemptsPolicy,
): number {
  if (failures < limit) return 0
  return Math.min(2 ** Math.min(failures - limit, 30), maxBackOffSeconds)
}

/**
 * Networks that contain an address, smallest first. An IPv6 customer has at least a /64 to choose addresses from, often a
 * /56 or a /48.
 */
export function networksOf(address: string): readonly [string, ...string[]] {
  const plain = address.replace(/%.*$/, '')
  const groups = isIPv6(plain) ? groupsOf(plain) : undefined
  if (!groups) return [plain]
  const ipv4 = embeddedIPv4(groups)
  if (ipv4 !== undefined) return [ipv4]
  const [a = 0, b = 0, c = 0, d = 0] = groups
  const text = (last: number, bits: number) =>
    `${[a, b, c, last].map((group) => group.toString(16)).join(':')}::/${bits}`
  return [text(d, 64), text(d & 0xff00, 56), text(0, 48)]
}

/** Smallest network of an address: the address itself in IPv4, the /64 in IPv6. */
export function networkOf(address: string): string {
  return networksOf(address)[0]
}

function groupsOf(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [head = '', tail = ''] = hex.split('::')
  const [first, last] = [head, tail].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = 8 - (first?.length ?? 0) - (last?.length ?? 0)
  return [...(first ?? []), ...new Array<string>(zeros).fill('0'), ...(last ?? [])].map((group) =>
    Number.parseInt(group, 16),
  )
}

/** The IPv4 address in an IPv4-mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) address. */
function embeddedIPv4(groups: readonly number[]): string | undefined {
  const prefix = groups.slice(0, 6).join(':')
  if (prefix !== '0:0:0:0:0:65535' && prefix !== '100:65435:0:0:0:0') return undefined
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}
