import { MAX_SHADOW_COUNTS } from '../../domain/shadow.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import { shadowReportToWire } from '../../wire/shadow.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { InRealm, MaybeMoment, MaybeText, Moment, named } from './schemas.ts'

const tags = ['Realms']

const Reason = Type.String({
  description:
    'issued, unknown_client, wrong_secret, account_disabled, no_credentials, too_many_failures, or an OAuth error',
})

const Report = named(
  'ShadowReport',
  Type.Object({
    shadow_mode: Type.Boolean(),
    since: MaybeMoment,
    totals: Type.Record(Type.String(), Type.Integer(), {
      description: 'Requests by reason; issued: they would have got a token',
    }),
    issued_clients: Type.Integer({ description: 'Accounts that would have got a token' }),
    refused: Type.Array(
      Type.Object({
        client_id: MaybeText,
        reason: Reason,
        count: Type.Integer(),
        first_at: Moment,
        last_at: Moment,
      }),
      { description: `What would have failed, the most frequent first; ${MAX_SHADOW_COUNTS} at most` },
    ),
  }),
)

/** Shadow mode of a realm; the setting is shadow_mode of the realm. */
export function shadowRoutes(app: AdminScope, operations: Pick<Operations, 'shadow'>): void {
  app.get(
    '/admin/realms/:realm/shadow',
    {
      schema: {
        tags,
        operationId: 'getShadowReport',
        summary: 'Show what the realm would have answered in shadow mode; counts are some seconds late',
        params: InRealm,
        response: { 200: Report },
      },
    },
    async (request) =>
      shadowReportToWire(await operations.shadow.report(actorOf(request), request.params.realm)),
  )

  app.delete(
    '/admin/realms/:realm/shadow',
    {
      schema: {
        tags,
        operationId: 'resetShadowReport',
        summary: 'Delete the counts of shadow mode',
        params: InRealm,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await operations.shadow.reset(actorOf(request), request.params.realm)
      return reply.code(204).send(null)
    },
  )
}
