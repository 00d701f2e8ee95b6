import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket, SocketAddress } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** The number of proxies in front, or their networks (`10.0.0.0/8`). 0: no X-Forwarded-For is believed. */
export type TrustedProxies = number | readonly string[]

type IsProxy = (address: string, hop: number) => boolean

const ADDRESS = Symbol('client address')
const KNOWN = Symbol('client address that was read')
const BEHIND_PROXY = Symbol('whether a proxy that is trusted sent it')

type Addressed = FastifyRequest & {
  readonly [ADDRESS]: string
  readonly [BEHIND_PROXY]: boolean
  [KNOWN]: string | undefined
}

/** UUIDs, and what nginx, HAProxy and cloud load balancers write. */
const REQUEST_ID = /^[\w.:;=+/-]{1,128}$/

/** Longer than an IPv6 address with a zone, in brackets and with a port. */
const MAX_LENGTH = 80

/** The client's address: always an IP address, whatever X-Forwarded-For contains. */
export function clientAddress(request: FastifyRequest): string {
  const addressed = request as Addressed
  addressed[KNOWN] ??= addressed[ADDRESS]
  return addressed[KNOWN]
}

/** X-Request-Id of a proxy that TRUST_PROXY names. Anybody else may write what it likes. */
export function proxyRequestId(request: FastifyRequest): string | undefined {
  const id = request.headers['x-request-id']
  if (typeof id !== 'string' || !(request as Addressed)[BEHIND_PROXY]) return undefined
  return REQUEST_ID.test(id) ? id : undefined
}

/** Provides `clientAddress` and `proxyRequestId`. Trusts no other header of proxies. */
export function readClientAddresses(app: FastifyInstance, trusted: TrustedProxies): void {
  const isProxy = toPredicate(trusted)
  let hasWarned = false
  app.decorateRequest(KNOWN, undefined)
  app.decorateRequest(BEHIND_PROXY, {
    getter() {
      return isProxy(peerOf((this as FastifyRequest).raw.socket), 0)
    },
  })
  app.decorateRequest(ADDRESS, {
    getter() {
      const { socket, headers } = (this as FastifyRequest).raw
      const peer = peerOf(socket)
      if (headers['x-forwarded-for'] === undefined) return peer
      if (isProxy(peer, 0)) return originOf(headers, peer, isProxy)
      if (!hasWarned)
        app.log.warn(
          { address: peer },
          'X-Forwarded-For from an address that TRUST_PROXY does not name is ignored; if it is your proxy, set TRUST_PROXY, or all its clients count as one address',
        )
      hasWarned = true
      return peer
    },
  })
}

function toPredicate(trusted: TrustedProxies): IsProxy {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted
  const networks = new BlockList()
  for (const network of trusted) {
    const [address = '', length] = network.split('/')
    networks.addSubnet(address, Number(length), isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  return (address) => isIP(address) > 0 && networks.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

function peerOf({ remoteAddress = '' }: Socket): string {
  return remoteAddress.includes(':') ? (parseAddress(remoteAddress) ?? '') : remoteAddress
}

/** Searches from the right, where the nearest proxy wrote, for the first address that is no proxy. Stops at an invalid one. */
function originOf({ 'x-forwarded-for': text }: IncomingMessage['headers'], peer: string, isProxy: IsProxy) {
  const list = String(text)
  let address = peer
  let end = list.length
  for (let hop = 0; end >= 0 && isProxy(address, hop); hop++) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
    const next = parseAddress(list.slice(comma + 1, end).trim())
    if (next === undefined) break
    address = next
    end = comma
  }
  return address
}

/** Canonical form without port, brackets and zone, with mapped IPv4 as IPv4. `undefined`: not an address. */
export function parseAddress(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const [, inBrackets, v4, v6] =
    /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+)(?::\d{1,5})?|([\da-f:.]+(?:%.*)?))$/i.exec(text) ?? []
  const bare = v4 ?? inBrackets ?? v6
  if (bare === undefined) return undefined
  const kind = isIP(bare)
  if (kind === 4) return v4
  if (kind === 0) return undefined
  const { address } = new SocketAddress({ address: bare.replace(/%.*/s, ''), family: 'ipv6' })
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}
