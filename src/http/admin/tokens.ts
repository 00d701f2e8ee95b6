import { Type } from 'typebox'
import type { Operations } from '../../operations/operations.ts'
import { serviceAccountToWire } from '../../wire/service-account.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf } from './etag.ts'
import { Closed, OfAccount } from './schemas.ts'
import { ServiceAccountAnswer } from './service-account-schema.ts'

/** Tokens that a service account has already. */
export function tokenRoutes(app: AdminScope, operations: Pick<Operations, 'accounts'>): void {
  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/revoke-tokens',
    {
      schema: {
        tags: ['Tokens'],
        summary: 'Revoke all tokens that it has got so far; its secrets stay good for new ones',
        params: OfAccount,
        body: Type.Optional(Type.Object({}, Closed)),
        response: { 200: ServiceAccountAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const account = await operations.accounts.revokeTokens(actorOf(request), realm, client_id)
      const wire = serviceAccountToWire(account, realm)
      return reply.header('etag', etagOf(account.version, wire)).send(wire)
    },
  )
}
