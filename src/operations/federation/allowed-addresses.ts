import ipaddr from 'ipaddr.js'

type Address = ReturnType<typeof ipaddr.parse>
type Network = ReturnType<typeof ipaddr.parseCIDR>

/** Public by its range, and yet a service of the platform: Azure's host. */
const METADATA = ['168.63.129.16']

/** RFC 4291 section 2.4: addresses outside of it reach no server of the internet. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3')

/** RFC 6052: a translator connects to the IPv4 address in the last 32 bits. */
const TRANSLATED = ipaddr.parseCIDR('64:ff9b::/96')

export interface AllowedAddresses {
  /** Whether keys may be fetched from it: a public address, or one of a named network. */
  isAllowed(address: string): boolean
  /** Whether it is of this machine, and named. */
  isAllowedLoopback(address: string): boolean
}

/** @param networks that the operator names, as CIDR */
export function allowedAddresses(networks: readonly string[]): AllowedAddresses {
  const named = networks.map(parseNetwork)
  const isNamed = (address: Address) =>
    named.some(([network, bits]) => network.kind() === address.kind() && address.match([network, bits]))

  function parse(text: string): Address | undefined {
    return ipaddr.isValid(text) ? effective(ipaddr.parse(text)) : undefined
  }

  return {
    isAllowed(text) {
      const address = parse(text)
      return address !== undefined && (isNamed(address) || isPublic(address))
    },

    isAllowedLoopback(text) {
      const address = parse(text)
      return address !== undefined && address.range() === 'loopback' && isNamed(address)
    },
  }
}

/** IPv4 addresses have one form, so that a network is the same however it is written. */
function parseNetwork(text: string): Network {
  const [address, bits] = ipaddr.parseCIDR(text)
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
    ? [address.toIPv4Address(), bits - 96]
    : [address, bits]
}

/** The address that a connection reaches in the end. */
function effective(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  return address.match(TRANSLATED) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address
}

function isPublic(address: Address): boolean {
  if (METADATA.includes(address.toString()) || address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST)
}
