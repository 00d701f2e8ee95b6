import type { FastifyReply, FastifyRequest } from 'fastify'

/** A document that anyone may cache for some time. */
export interface PublicDocument {
  readonly body: string | Buffer
  readonly contentType: string
  readonly contentEncoding?: string
  /** Strong validator, with its quotes. */
  readonly etag: string
  /** 0: caches must revalidate each time. */
  readonly maxAgeSeconds: number
}

/**
 * Sends the document, or 304 if the client has it.
 * @param ageSeconds time since the database last confirmed the document; shortens its max-age
 */
export function sendPublicDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, contentType, contentEncoding, etag, maxAgeSeconds }: PublicDocument,
  ageSeconds = 0,
): FastifyReply {
  const leftSeconds = Math.max(0, maxAgeSeconds - ageSeconds)
  // Spreads expiry, so that caches filled together do not all return together.
  const maxAge = Math.ceil(leftSeconds * (0.8 + 0.2 * Math.random()))
  reply
    .header('access-control-allow-origin', '*')
    .header('cache-control', maxAge === 0 ? 'public, no-cache' : `public, max-age=${maxAge}`)
    .header('etag', etag)
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
  if (contentEncoding !== undefined) reply.header('content-encoding', contentEncoding)
  return reply.header('content-type', contentType).send(body)
}

// RFC 9110 section 13.1.2: a list with weak comparison, or `*`.
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => {
    const value = tag.trim()
    return value === '*' || value.replace(/^W\//, '') === etag
  })
}
