import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Operations } from '../../operations/operations.ts'
import type { StatusList } from '../../operations/tokens/status-lists.ts'
import { weightOf } from '../accept.ts'
import { publicGetOnly } from '../get-only.ts'
import { loggableRealm, note } from '../request-log.ts'
import { type PublicDocument, sendPublicDocument } from './public-document.ts'

type StatusListRoute = { Params: { realm: string; id: string }; Querystring: Record<string, unknown> }

interface Encodings {
  readonly plain: PublicDocument
  readonly gzip: PublicDocument
}

const compress = promisify<string, Buffer>(gzip)

/** Token status for validators (draft-ietf-oauth-status-list-21, section 8). */
export function statusListRoute(app: FastifyInstance, operations: Pick<Operations, 'statusLists'>): void {
  const documents = new WeakMap<StatusList, Promise<Encodings>>()

  function documentsOf(list: StatusList): Promise<Encodings> {
    const known = documents.get(list) ?? encodingsOf(list, fingerprint(list.jwt))
    documents.set(list, known)
    return known
  }

  app.get<StatusListRoute>(
    '/realms/:realm/protocol/openid-connect/status-lists/:id',
    async (request, reply) => {
      const { realm, id } = request.params
      note(request, { realm: loggableRealm(realm) })
      if ('time' in request.query) return notImplemented(reply)
      const list = isListId(id) ? await operations.statusLists.find(realm, Number(id)) : undefined
      if (!list) return notFound(reply)
      const { gzip, plain } = await documentsOf(list)
      reply.header('vary', 'accept-encoding')
      return sendPublicDocument(
        request,
        reply,
        acceptsGzip(request.headers['accept-encoding']) ? gzip : plain,
      )
    },
  )
  publicGetOnly(app, '/realms/:realm/protocol/openid-connect/status-lists/:id')
}

async function encodingsOf({ jwt }: StatusList, print: string): Promise<Encodings> {
  const contentType = 'application/statuslist+jwt'
  // A cache must revalidate each time: its copy may be outdated, and the client uses its own for the ttl.
  const maxAgeSeconds = 0
  const contentEncoding = 'gzip'
  return {
    plain: { body: jwt, contentType, etag: `"${print}"`, maxAgeSeconds },
    gzip: { body: await compress(jwt), contentType, contentEncoding, etag: `"${print}-gzip"`, maxAgeSeconds },
  }
}

function isListId(text: string): boolean {
  return /^(0|[1-9]\d{0,3})$/.test(text)
}

// RFC 9110 section 12.5.3.
function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return (weightOf(acceptEncoding, 'gzip') ?? 0) > 0
}

// Token Status List section 8.4: historical lists are not kept.
function notImplemented(reply: FastifyReply): FastifyReply {
  return reply.code(501).header('cache-control', 'no-store').send({
    error: 'invalid_request',
    error_description: 'There are no lists of the past. Leave out the parameter time.',
  })
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).header('cache-control', 'no-store').send({ error: 'not_found' })
}
