import type { FastifyInstance } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import type { PublishedRealm } from '../../operations/tokens/published-realms.ts'
import { publicGetOnly } from '../get-only.ts'
import { loggableRealm, note } from '../request-log.ts'
import { type PublicDocument, sendPublicDocument } from './public-document.ts'

/** The realm's public keys (RFC 7517 section 5). */
export function jwksRoute(
  app: FastifyInstance,
  { findPublishedRealm, fingerprint }: Pick<Operations, 'findPublishedRealm' | 'fingerprint'>,
): void {
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

  app.get<{ Params: { tenant: string } }>(
    '/realms/:tenant/protocol/openid-connect/certs',
    async (request, reply) => {
      note(request, { realm: loggableRealm(request.params.tenant) })
      const published = await findPublishedRealm(request.params.tenant)
      return sendPublicDocument(request, reply, documentOf(published), published.ageSeconds())
    },
  )
  publicGetOnly(app, '/realms/:tenant/protocol/openid-connect/certs')
}
