import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent, request } from 'node:https'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { keyUrl } from '../../domain/key-address.ts'
import { allowedAddresses } from './allowed-addresses.ts'
import { KeyFetchError } from './key-fetch-error.ts'
import { pinAddress, pinnedLookup, type ResolveName, resolveBySystem } from './pinned-address.ts'

export interface KeyFetchSettings {
  /** Private networks that the operator allows, as CIDR. */
  readonly networks: readonly string[]
  /** Certificates in PEM of authorities beside those of the system. */
  readonly ca: string | undefined
  /** Default: the system's resolver. */
  readonly resolveName?: ResolveName | undefined
  /** For all that one refresh fetches. Default 5 s. */
  readonly timeoutMilliseconds?: number | undefined
}

export interface FetchedDocument {
  readonly members: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}

export interface FetchLimits {
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export type GuardedFetch = (address: string, limits: FetchLimits) => Promise<FetchedDocument>

const HEADERS = { accept: 'application/json, application/jwk-set+json', 'accept-encoding': 'identity' }

/**
 * Fetches a JSON object from an address that somebody else chose. Sends nothing of ours, follows nothing, and connects to
 * the addresses that were checked alone.
 */
export function guardedFetch({
  networks,
  ca,
  resolveName = resolveBySystem,
}: KeyFetchSettings): GuardedFetch {
  const allowed = allowedAddresses(networks)
  const contextOf = secureContext(ca)

  return async (address, limits) => {
    const url = keyUrl(address)
    if (typeof url === 'string') throw new KeyFetchError('address')
    const addresses = await inTime(limits.signal, pinAddress(url, allowed, resolveName))
    const options = { headers: HEADERS, lookup: pinnedLookup(addresses), signal: limits.signal }
    const response = await open(url, options, contextOf).catch((error: unknown) => {
      throw faultOf(error, limits.signal)
    })
    try {
      requirePlain(response)
      const text = await readText(response, limits.maxBytes)
      return { members: parseObject(text), headers: response.headers }
    } catch (error) {
      throw faultOf(error, limits.signal)
    } finally {
      response.destroy()
    }
  }
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
function open(url: URL, options: RequestOptions, contextOf: () => SecureContext): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent =
    url.protocol === 'http:'
      ? httpRequest(url, { ...options, agent: new HttpAgent() })
      : request(url, {
          ...options,
          agent: new Agent({ maxCachedSessions: 0, secureContext: contextOf(), rejectUnauthorized: true }),
        })
  sent.once('response', resolve).on('error', reject).end()
  return promise
}

function requirePlain({ statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode >= 300 && statusCode < 400) throw new KeyFetchError('redirect', `status ${statusCode}`)
  if (statusCode !== 200) throw new KeyFetchError('status', `status ${statusCode}`)
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') throw new KeyFetchError('encoding')
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = () => new KeyFetchError('size', `more than ${maxBytes / 1024} KiB`)
  if (Number(response.headers['content-length']) > maxBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>
  } catch {
    // The parser's message quotes the text.
  }
  throw new KeyFetchError('json')
}

function inTime<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const end = () => reject(new KeyFetchError('timeout'))
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', end))
}

function faultOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof KeyFetchError) return error
  if (signal.aborted) return new KeyFetchError('timeout')
  const { code = '', message } = error as NodeJS.ErrnoException
  const isCertificate = /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME|HOSTNAME/.test(code)
  return new KeyFetchError(isCertificate ? 'certificate' : 'connection', undefined, `${code} ${message}`)
}
