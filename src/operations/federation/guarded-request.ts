import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent, request } from 'node:https'
import { isIP } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { keyUrl } from '../../domain/key-address.ts'
import { allowedAddresses } from './allowed-addresses.ts'
import { KeyFetchError } from './key-fetch-error.ts'
import { pinAddress, pinnedLookup, type ResolveName, resolveBySystem } from './pinned-address.ts'

export interface GuardSettings {
  /** Private networks that the operator allows, as CIDR. */
  readonly networks: readonly string[]
  /** Certificates in PEM of authorities beside those of the system. */
  readonly ca: string | undefined
  /** Default: the system's resolver. */
  readonly resolveName?: ResolveName | undefined
}

export interface OutgoingRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the request and its answer. */
  readonly signal: AbortSignal
}

/** @returns the answer, which the caller destroys @throws KeyFetchError */
export type GuardedRequest = (address: string, sent: OutgoingRequest) => Promise<IncomingMessage>

/**
 * Sends to an address that somebody else chose. Follows nothing, and connects to the addresses that were checked alone.
 */
export function guardedRequest({
  networks,
  ca,
  resolveName = resolveBySystem,
}: GuardSettings): GuardedRequest {
  const allowed = allowedAddresses(networks)
  const contextOf = secureContext(ca)

  return async (address, { body, signal, ...sent }) => {
    const url = keyUrl(address)
    if (typeof url === 'string') throw new KeyFetchError('address')
    const addresses = await inTime(signal, pinAddress(url, allowed, resolveName))
    const options = { ...sent, lookup: pinnedLookup(addresses), signal }
    return open(url, options, contextOf, body).catch((error: unknown) => {
      throw faultOf(error, signal)
    })
  }
}

/** Whether the host is an address instead of a name, and one that nothing may be sent to. */
export function isLiteralRefused(address: string, networks: readonly string[]): boolean {
  const { hostname, protocol } = new URL(address)
  const host = hostname.replace(/^\[(.+)\]$/, '$1')
  if (isIP(host) === 0) return false
  const allowed = allowedAddresses(networks)
  return protocol === 'http:' ? !allowed.isAllowedLoopback(host) : !allowed.isAllowed(host)
}

/** Made once: reading all authorities of the system takes milliseconds. */
function secureContext(ca: string | undefined): () => SecureContext {
  let context: SecureContext | undefined
  return () => {
    context ??= createSecureContext({
      ca: [...getCACertificates('default'), ...(ca === undefined ? [] : [ca])],
      minVersion: 'TLSv1.2',
    })
    return context
  }
}

/** An agent of its own: it has no proxy, no session and no connection of another request. */
function open(
  url: URL,
  options: RequestOptions,
  contextOf: () => SecureContext,
  body: string | undefined,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent =
    url.protocol === 'http:'
      ? httpRequest(url, { ...options, agent: new HttpAgent() })
      : request(url, {
          ...options,
          agent: new Agent({ maxCachedSessions: 0, secureContext: contextOf(), rejectUnauthorized: true }),
        })
  sent.once('response', resolve).on('error', reject).end(body)
  return promise
}

function inTime<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = () => reject(new KeyFetchError('timeout'))
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', end))
}

/** What an error of a request means. */
export function faultOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof KeyFetchError) return error
  if (signal.aborted) return new KeyFetchError('timeout')
  const { code = '', message } = error as NodeJS.ErrnoException
  const isCertificate = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME|HOSTNAME/.test(code)
  return new KeyFetchError(isCertificate ? 'certificate' : 'connection', undefined, `${code} ${message}`)
}
