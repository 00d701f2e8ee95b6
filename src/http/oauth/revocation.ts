import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { loggableClientId, loggableRealm, note, noteClient } from '../request-log.ts'
import { readClientCredentials } from './client-credentials.ts'
import type { OAuthForm } from './form.ts'
import { neverKept } from './oauth-error-handler.ts'

type RevocationRoute = { Params: { realm: string }; Body: OAuthForm }

/** Token revocation by the client that owns the token: RFC 7009. */
export function revocationRoute(
  app: FastifyInstance,
  operations: Pick<Operations, 'clients' | 'revocation'>,
): void {
  app.post<RevocationRoute>('/realms/:realm/protocol/openid-connect/revoke', async (request, reply) => {
    const { realm } = request.params
    const credentials = readClientCredentials(request.headers.authorization, request.body)
    note(request, {
      realm: loggableRealm(realm),
      client_id: loggableClientId(credentials?.clientId),
    })
    const client = await operations.clients.authenticate(realm, credentials, clientAddress(request))
    noteClient(request, client)
    const token = request.body.get('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')

    const reason = await operations.revocation.revoke(client, token, clientAddress(request))
    note(request, {
      outcome: reason === undefined ? 'revoked' : 'left alone',
      ...(reason !== undefined && { reason }),
    })
    // RFC 7009 section 2.2: an invalid token is not an error.
    return neverKept(reply).code(200).send()
  })
}
