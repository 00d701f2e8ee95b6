import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import type { Operations } from '../../operations/operations.ts'
import type { PublishedRealm } from '../../operations/tokens/published-realms.ts'
import { publicGetOnly } from '../get-only.ts'
import { loggableRealm, note } from '../request-log.ts'
import { type PublicDocument, sendPublicDocument } from './public-document.ts'

type CertsRoute = {
  Params: { realm: string }
  Querystring: { readonly format?: unknown; readonly kid?: unknown }
}

/** The realm's public keys (RFC 7517 section 5). */
export function jwksRoute(app: FastifyInstance, operations: Pick<Operations, 'publishedRealms'>): void {
  const documents = new WeakMap<PublishedRealm, PublicDocument>()

  function documentOf(published: PublishedRealm): PublicDocument {
    const known = documents.get(published)
    if (known) return known
    const body = JSON.stringify({ keys: published.keys })
    const made = {
      body,
      contentType: 'application/json; charset=utf-8',
      etag: `"${fingerprint(body)}"`,
      maxAgeSeconds: published.realm.jwksMaxAgeSeconds,
    }
    documents.set(published, made)
    return made
  }

  app.get<CertsRoute>('/realms/:realm/protocol/openid-connect/certs', async (request, reply) => {
    note(request, { realm: loggableRealm(request.params.realm) })
    const published = await operations.publishedRealms.find(request.params.realm)
    if (request.query.format === 'pem') return sendPem(request, reply, published)
    return sendPublicDocument(request, reply, documentOf(published), published.ageSeconds())
  })
  publicGetOnly(app, '/realms/:realm/protocol/openid-connect/certs')
}

// For proxies that cannot read a JWKS, such as HAProxy.
function sendPem(
  request: FastifyRequest<CertsRoute>,
  reply: FastifyReply,
  published: PublishedRealm,
): FastifyReply {
  const { kid } = request.query
  const body = kid === undefined || typeof kid === 'string' ? published.pem(kid) : undefined
  if (body === undefined)
    return reply.code(404).header('cache-control', 'no-store').send({ error: 'not_found' })
  const { jwksMaxAgeSeconds: maxAgeSeconds } = published.realm
  const document = {
    body,
    contentType: 'application/x-pem-file',
    etag: `"${fingerprint(body)}"`,
    maxAgeSeconds,
  }
  return sendPublicDocument(request, reply, document, published.ageSeconds())
}
