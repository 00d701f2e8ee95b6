import type { IncomingMessage } from 'node:http'
import { faultOf, type GuardSettings, guardedRequest } from './guarded-request.ts'
import { KeyFetchError } from './key-fetch-error.ts'

export interface KeyFetchSettings extends GuardSettings {
  /** For all that one refresh fetches. Default 5 s. */
  readonly timeoutMilliseconds?: number | undefined
}

export const PUBLIC_ONLY: KeyFetchSettings = { networks: [], ca: undefined }

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
export function guardedFetch(settings: KeyFetchSettings): GuardedFetch {
  const send = guardedRequest(settings)

  return async (address, limits) => {
    const response = await send(address, { headers: HEADERS, signal: limits.signal })
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
