export interface FetchTextOptions {
  readonly accept: string
  /** ETag of the copy at hand: the answer may then be `undefined`, "not modified". */
  readonly etag?: string | undefined
  readonly maxBytes: number
  readonly timeoutSeconds: number
  /** Makes the request a POST of this form. */
  readonly form?: URLSearchParams
  readonly authorization?: string
}

export interface FetchedText {
  /** Undefined when the copy at hand is still the current one (304). */
  readonly text: string | undefined
  readonly etag: string | undefined
  /** What is left of `Cache-Control: max-age` (RFC 9111 section 4.2); undefined when it does not say. */
  readonly maxAgeSeconds: number | undefined
}

/** The issuer answered that there is no such document (404, 410): an answer, not an outage. */
export class GoneError extends Error {
  override readonly name = 'GoneError'
}

/**
 * Fetches a bounded text, following no redirect.
 * @throws GoneError for 404 and 410; else what `fetch` throws, or an Error that names the status
 */
export async function fetchText(url: string, options: FetchTextOptions): Promise<FetchedText> {
  const response = await fetch(url, {
    method: options.form ? 'POST' : 'GET',
    headers: {
      accept: options.accept,
      ...(options.etag && { 'if-none-match': options.etag }),
      ...(options.authorization && { authorization: options.authorization }),
    },
    redirect: 'error',
    signal: AbortSignal.timeout(Math.ceil(options.timeoutSeconds * 1000)),
    ...(options.form && { body: options.form }),
  })
  const notModified = response.status === 304 && options.etag !== undefined
  if (response.status !== 200 && !notModified) {
    await response.body?.cancel()
    const Kind = response.status === 404 || response.status === 410 ? GoneError : Error
    throw new Kind(`${url} answered ${response.status}`)
  }
  return {
    text: notModified ? undefined : await readBounded(response, options.maxBytes),
    etag: response.headers.get('etag') ?? undefined,
    maxAgeSeconds: remainingAge(response.headers),
  }
}

// The declared length is of the compressed bytes, so only counting helps.
async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  // Only 204, 205 and 304 have no body.
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`${response.url} answered more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function remainingAge(headers: Headers): number | undefined {
  const control = headers.get('cache-control') ?? ''
  if (/\bno-(store|cache)\b/i.test(control)) return 0
  const maxAge = /\bmax-age="?(\d{1,9})/i.exec(control)?.[1]
  if (maxAge === undefined) return undefined
  const age = /^\d{1,9}$/.test(headers.get('age') ?? '') ? Number(headers.get('age')) : 0
  return Math.max(0, Number(maxAge) - age)
}
