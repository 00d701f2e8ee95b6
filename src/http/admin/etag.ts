import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Precondition } from '../../domain/precondition.ts'
import { Refusal } from '../../domain/refusal.ts'
import { becomeProblem, PRECONDITION_FAILED } from './problem.ts'

const READING = ['GET', 'HEAD']

/** ETag of a representation. Its first part is the version, which a change may be based on. */
export function etagOf(version: number | string, shown: unknown): string {
  return `"${version}.${fingerprint(JSON.stringify(shown))}"`
}

/**
 * A short list with its version. The list is read again after the version: if it changed in between, the version is too
 * old to base a change on, never too new. The first read refuses callers without authority.
 */
export async function listWithVersion<T>(
  list: () => Promise<T>,
  find: () => Promise<{ version: number | string }>,
) {
  await list()
  const { version } = await find()
  return { version, listed: await list() }
}

/** Preconditions of a request, as versions. @throws Refusal `invalid` */
export function readPrecondition({ method, headers }: FastifyRequest): Precondition | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if ((ifMatch === undefined && ifNoneMatch === undefined) || READING.includes(method)) return undefined
  const versionsOf = (tags: '*' | readonly string[]) =>
    tags === '*' ? tags : tags.map((tag) => tag.split('.')[0] as string)
  return {
    ...(ifMatch !== undefined && { ifMatch: versionsOf(readTags(ifMatch, 'If-Match')) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: versionsOf(readTags(ifNoneMatch, 'If-None-Match')) }),
  }
}

const TAG = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/
const LIST = /^[\t ,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[\t ]*(?:,[\t ,]*|$))+$/

/**
 * Entity tags of a list (RFC 9110 section 13.1), without quotes. If-Match compares strongly, so a weak tag never
 * matches.
 * @throws Refusal `invalid`
 */
export function readTags(header: string, name: 'If-Match' | 'If-None-Match'): '*' | string[] {
  if (header.trim() === '*') return '*'
  if (!LIST.test(header))
    throw new Refusal('invalid', `${name} must be a list of ETags in double quotes, or *.`, name)
  return header.match(/(?:W\/)?"[^"]*"/g)?.flatMap((part) => {
    const [, weak, tag] = TAG.exec(part) as RegExpExecArray
    return weak && name === 'If-Match' ? [] : [tag as string]
  }) as string[]
}

/** Answers 304 if the client has the current representation, and 412 if it requires another one. */
export function answerConditionally(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (!READING.includes(request.method) || reply.statusCode !== 200 || typeof payload !== 'string')
      return payload
    // A page of a list has no version to base a change on.
    const etag = (reply.getHeader('etag') as string | undefined) ?? `W/${etagOf('page', payload)}`
    reply.header('etag', etag)
    return answerTo(request, reply, etag, payload)
  })
}

function answerTo(request: FastifyRequest, reply: FastifyReply, etag: string, payload: string) {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers
  const [, weak, tag] = TAG.exec(etag) as RegExpExecArray
  const has = (tags: '*' | string[]) => tags === '*' || tags.includes(tag as string)
  if (ifMatch !== undefined && !isUnreadable(ifMatch)) {
    const tags = readTags(ifMatch, 'If-Match')
    if (tags !== '*' && (weak || !has(tags))) return becomeProblem(request, reply, PRECONDITION_FAILED)
  }
  if (ifNoneMatch === undefined || isUnreadable(ifNoneMatch)) return payload
  if (!has(readTags(ifNoneMatch, 'If-None-Match'))) return payload
  reply.code(304).removeHeader('content-type').removeHeader('content-length')
  return ''
}

function isUnreadable(header: string): boolean {
  return header.trim() !== '*' && !LIST.test(header)
}
