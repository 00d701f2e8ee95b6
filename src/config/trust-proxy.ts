import { parseNetworks } from './networks.ts'
import type { Fault, Read } from './reader.ts'

/** Number of proxies in front of the server, or their networks (`10.0.0.0/8`). 0: none. */
export type TrustProxy = number | readonly string[]

const MAX_HOPS = 16

export function readTrustProxy(read: Read, fault: Fault): TrustProxy {
  const text = read('TRUST_PROXY')
  if (text === undefined || text === 'false') return 0
  if (/^\d{1,3}$/.test(text) && Number(text) <= MAX_HOPS) return Number(text)
  const networks = parseNetworks(text)
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
