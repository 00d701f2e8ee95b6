import type { FastifyReply, FastifyRequest } from 'fastify'

/** Bytes that anyone may keep until their time is up. */
export interface PublicDocument {
  readonly body: string | Buffer
  readonly contentType: string
  readonly contentEncoding?: string
  /** Strong validator, with its quotes. */
  readonly etag: string
  /** 0: a cache asks each time whether it is still true. */
  readonly maxAgeSeconds: number
}

/**
 * Answers with the document, or with 304 to who has it already.
 * @param ageSeconds since when it may have changed, which nobody may keep it for on top
 */
export function sendPublicDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, contentType, contentEncoding, etag, maxAgeSeconds }: PublicDocument,
  ageSeconds = 0,
): FastifyReply {
  const leftSeconds = Math.max(0, maxAgeSeconds - ageSeconds)
  // Caches that were filled together should not all come back together.
  const maxAge = Math.ceil(leftSeconds * (0.8 + 0.2 * Math.random()))
  reply
    .header('access-control-allow-origin', '*')
    .header('cache-control', maxAge === 0 ? 'public, no-cache' : `public, max-age=${maxAge}`)
    .header('etag', etag)
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
  if (contentEncoding !== undefined) reply.header('content-encoding', contentEncoding)
  return reply.header('content-type', contentType).send(body)
}

// RFC 9110 section 13.1.2: a list compared weakly, or any.
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => {
    const value = tag.trim()
    return value === '*' || value.replace(/^W\//, '') === etag
  })
}
