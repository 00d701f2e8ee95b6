import { isIP } from 'node:net'
import type { Fault, Read } from './reader.ts'

/** Number of proxies in front of the server, or their networks (`10.0.0.0/8`). 0: none. */
export type TrustProxy = number | readonly string[]

const MAX_HOPS = 16

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

export function readTrustProxy(read: Read, fault: Fault): TrustProxy {
  const text = read('TRUST_PROXY')
  if (text === undefined || text === 'false') return 0
  if (/^\d{1,3}$/.test(text) && Number(text) <= MAX_HOPS) return Number(text)
  const networks = text.split(',').flatMap((part) => toNetworks(part.trim()))
  if (text === 'true' || networks.some((network) => network?.endsWith('/0')))
    fault(
      'TRUST_PROXY may not trust everyone, or any client can choose its address: write the number of proxies in front (1), or their networks (10.0.0.0/8)',
    )
  else if (networks.includes(undefined))
    fault(
      `TRUST_PROXY must be the number of proxies in front (1 to ${MAX_HOPS}), or addresses and networks (10.0.0.0/8, loopback) separated by commas`,
    )
  return networks.filter((network) => network !== undefined)
}

/** `[undefined]`: not a network. */
function toNetworks(part: string): readonly (string | undefined)[] {
  if (Object.hasOwn(NAMED, part)) return NAMED[part] ?? []
  const [, address = '', prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(part) ?? []
  const longest = isIP(address) === 4 ? 32 : 128
  const length = Number(prefix ?? longest)
  return [isIP(address) > 0 && length <= longest ? `${address}/${length}` : undefined]
}
