import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fingerprint } from '../../crypto/fingerprint.ts'
import { KEY_ALGORITHMS } from '../../domain/client-key.ts'
import { resourceTypesOf } from '../../domain/protected-resource.ts'
import type { Operations } from '../../operations/operations.ts'
import type { PublishedRealm } from '../../operations/tokens/published-realms.ts'
import { publicGetOnly } from '../get-only.ts'
import { loggableRealm, note } from '../request-log.ts'
import { JWT_BEARER_GRANT, TOKEN_EXCHANGE_GRANT } from './platform-grant.ts'
import { type PublicDocument, sendPublicDocument } from './public-document.ts'

type DiscoveryRoute = { Params: { realm: string } }

const ADDRESSES = [
  '/realms/:realm/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server/realms/:realm',
  // Keycloak publishes it there, and Nimbus asks for it.
  '/realms/:realm/.well-known/oauth-authorization-server',
]

const MAX_AGE_SECONDS = 300

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

/** Authorization server metadata (RFC 8414), at its own URL and at that of OpenID Connect Discovery. */
export function discoveryRoutes(app: FastifyInstance, operations: Pick<Operations, 'publishedRealms'>): void {
  const documents = new WeakMap<PublishedRealm, PublicDocument>()

  function documentOf(published: PublishedRealm): PublicDocument {
    const known = documents.get(published)
    if (known) return known
    const body = JSON.stringify(metadataOf(published))
    const made = {
      body,
      contentType: 'application/json; charset=utf-8',
      etag: `"${fingerprint(body)}"`,
      maxAgeSeconds: MAX_AGE_SECONDS,
    }
    documents.set(published, made)
    return made
  }

  async function answer(request: FastifyRequest<DiscoveryRoute>, reply: FastifyReply): Promise<FastifyReply> {
    note(request, { realm: loggableRealm(request.params.realm) })
    const published = await operations.publishedRealms.find(request.params.realm)
    return sendPublicDocument(request, reply, documentOf(published), published.ageSeconds())
  }

  for (const url of ADDRESSES) {
    app.get<DiscoveryRoute>(url, answer)
    publicGetOnly(app, url)
  }
}

function metadataOf({ issuer, realm, keys }: PublishedRealm): Record<string, unknown> {
  const protocol = `${issuer}/protocol/openid-connect`
  // While the algorithm changes, keys of both algorithms are published.
  const algorithms = [...new Set(keys.map((key) => key['alg']))]
  return {
    issuer,
    token_endpoint: `${protocol}/token`,
    token_endpoint_auth_methods_supported: AUTH_METHODS,
    token_endpoint_auth_signing_alg_values_supported: KEY_ALGORITHMS,
    introspection_endpoint: `${protocol}/token/introspect`,
    // RFC 8414 section 2: may also name the type of an access token.
    introspection_endpoint_auth_methods_supported: [...AUTH_METHODS, 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: KEY_ALGORITHMS,
    // RFC 9701 section 7.
    introspection_signing_alg_values_supported: algorithms,
    revocation_endpoint: `${protocol}/revoke`,
    revocation_endpoint_auth_methods_supported: AUTH_METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: KEY_ALGORITHMS,
    jwks_uri: `${protocol}/certs`,
    scopes_supported: realm.scopes,
    // RFC 9396 section 10.
    authorization_details_types_supported: resourceTypesOf(realm),
    grant_types_supported: ['client_credentials', JWT_BEARER_GRANT, TOKEN_EXCHANGE_GRANT],
    // It refuses everything. Many clients reject metadata without both members.
    authorization_endpoint: `${protocol}/auth`,
    response_types_supported: ['none'],
    // There are no ID tokens; clients of OpenID Connect Discovery 1.0 reject metadata without these two.
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algorithms,
  }
}
