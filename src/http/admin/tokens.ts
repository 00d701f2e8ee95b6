import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { serviceAccountToWire } from '../../wire/service-account.ts'
import { tokenPreviewToWire } from '../../wire/token-preview.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { Claims, MetadataPairs } from './claim-schema.ts'
import { etagOf } from './etag.ts'
import { Closed, named, OfAccount } from './schemas.ts'
import { ServiceAccountAnswer } from './service-account-schema.ts'

const ClaimsDraft = named(
  'ClaimsDraft',
  Type.Partial(Type.Object({ claims: Claims, metadata: MetadataPairs, realm_claims: Claims }), Closed),
)

const Preview = named(
  'TokenPreview',
  Type.Object({
    claims: Type.Record(Type.String(), Type.Unknown(), { description: 'Claims of the token' }),
    left_out: Type.Array(Type.Object({ claim: Type.String(), reason: Type.String() }), {
      description: 'Custom claims that the token is without, and why',
    }),
  }),
)

/** Tokens of a service account: those it has got, and the next one. */
export function tokenRoutes(app: AdminScope, operations: Pick<Operations, 'accounts' | 'tokens'>): void {
  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/preview-token',
    {
      schema: {
        tags: ['Tokens'],
        operationId: 'previewToken',
        summary: 'Preview the claims of its next token, also with unsaved claims and metadata',
        params: OfAccount,
        body: ClaimsDraft,
        response: { 200: Preview },
      },
    },
    async (request) => {
      const { realm, client_id } = request.params
      const { realm_claims: realmClaims, ...draft } = request.body
      const asked = { ...draft, realmClaims }
      const preview = await operations.tokens.previewDraft(actorOf(request), realm, client_id, asked)
      return tokenPreviewToWire(preview)
    },
  )

  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/revoke-tokens',
    {
      schema: {
        tags: ['Tokens'],
        operationId: 'revokeTokens',
        summary: 'Revoke all its tokens; its secrets stay valid for new ones',
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
