/** When failed attempts begin to cost time, and how much. */
export interface FailedAttemptsPolicy {
  /** Failures are remembered this long. */
  readonly windowSeconds: number
  /** The longest that a back-off grows to. */
  readonly maxBackOffSeconds: number
  /** Failures that are free, of one client from one address. */
  readonly perClientAndAddress: number
  /** Of one client, from anywhere. */
  readonly perClient: number
  /** From one address, whatever the client. */
  readonly perAddress: number
  /** In one realm. */
  readonly perRealm: number
}

export const DEFAULT_FAILED_ATTEMPTS_POLICY: FailedAttemptsPolicy = {
  windowSeconds: 900,
  maxBackOffSeconds: 300,
  perClientAndAddress: 5,
  perClient: 50,
  perAddress: 100,
  perRealm: 5000,
}

/** How long to wait after that many failures: doubled with each one beyond the limit. 0: not at all. */
export function backOffSeconds(
  failures: number,
  limit: number,
  { maxBackOffSeconds }: FailedAttemptsPolicy,
): number {
  if (failures < limit) return 0
  return Math.min(2 ** Math.min(failures - limit, 30), maxBackOffSeconds)
}

/** An IPv6 host has a network of its own to choose addresses from: they count as one. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head.split(':').filter(Boolean)
  const rest = tail === undefined ? [] : tail.split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length)
  const all = [...groups, ...new Array<string>(zeros).fill('0'), ...rest]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
