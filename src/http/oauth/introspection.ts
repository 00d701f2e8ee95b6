import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { issuerOf } from '../../domain/realm.ts'
import type { Operations } from '../../operations/operations.ts'
import type { IntrospectionCaller } from '../../operations/tokens/introspection.ts'
import { weightOf } from '../accept.ts'
import { clientAddress } from '../client-address.ts'
import { loggableClientId, loggableRealm, note, noteClient } from '../request-log.ts'
import { readClientCredentials } from './client-credentials.ts'
import type { OAuthForm } from './form.ts'
import { neverKept } from './oauth-error-handler.ts'

type IntrospectionRoute = { Params: { realm: string }; Body: OAuthForm }

/** Parameters that a caller with a token may not send as well. */
const SECOND_WAYS = ['client_secret', 'client_assertion', 'client_assertion_type']

const SIGNED = 'application/token-introspection+jwt'

type Deps = Pick<Operations, 'clients' | 'presentedTokens' | 'introspection'>

/** Token introspection: RFC 7662, signed on request (RFC 9701). */
export function introspectionRoute(app: FastifyInstance, operations: Deps, publicUrl: string): void {
  app.post<IntrospectionRoute>(
    '/realms/:realm/protocol/openid-connect/token/introspect',
    async (request, reply) => {
      const { realm } = request.params
      note(request, { realm: loggableRealm(realm) })
      const authenticated = authenticate(request, operations, publicUrl)
      const token = request.body.get('token')
      if (token === undefined) {
        await authenticated
        throw new OAuthError('invalid_request', 'token is missing.')
      }
      const signed = acceptsSigned(request.headers.accept)
      // In parallel, so that the rows of the caller and of the token's client are read together.
      const [caller, { introspection, reason }] = await Promise.all([
        authenticated,
        operations.introspection.introspect(realm, authenticated, token, signed),
      ])
      note(request, {
        outcome: introspection.active ? 'active' : 'inactive',
        ...(reason !== undefined && { reason }),
      })
      neverKept(reply).header('vary', 'accept')
      if (!signed) return introspection
      return reply
        .header('content-type', SIGNED)
        .send(await operations.introspection.sign(caller, introspection))
    },
  )
}

async function authenticate(
  request: FastifyRequest<IntrospectionRoute>,
  operations: Deps,
  publicUrl: string,
): Promise<IntrospectionCaller> {
  const { realm } = request.params
  const { authorization } = request.headers
  const noted = (caller: IntrospectionCaller) => {
    noteClient(request, caller)
    return caller
  }
  const bearer = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1]
  if (bearer === undefined) {
    const credentials = readClientCredentials(authorization, request.body)
    note(request, { client_id: loggableClientId(credentials?.clientId) })
    return noted(await operations.clients.authenticate(realm, credentials, clientAddress(request)))
  }
  if (SECOND_WAYS.some((name) => request.body.get(name) !== undefined))
    throw new OAuthError('invalid_request', 'Credentials were sent in two ways.')
  // Another resource server that saw the token could replay it here in the caller's name.
  const audience = issuerOf(publicUrl, realm)
  return noted(await operations.presentedTokens.verify(bearer, { realm, audience }))
}

// RFC 9701 section 4: signed for callers that accept a JWT and prefer it.
function acceptsSigned(accept: string | undefined): boolean {
  const weight = weightOf(accept, SIGNED) ?? 0
  return weight > 0 && weight >= (weightOf(accept, 'application/json') ?? 0)
}
