import { Refusal } from '../../domain/refusal.ts'
import { MAX_LINES } from '../../operations/import-lines.ts'
import type { Operations } from '../../operations/operations.ts'
import { importResourceLines } from '../../operations/resources/protected-resource-import.ts'
import { Type } from '../../wire/json-schema.ts'
import { importOutcomeToWire } from '../../wire/protected-resource.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { acceptNdjson, NDJSON, NDJSON_ROUTE, sendOutcomes } from './ndjson.ts'
import { InRealm, named } from './schemas.ts'

const Outcome = named(
  'ResourceImportLine',
  Type.Object({
    line: Type.Integer({ description: 'From 1' }),
    status: Type.Enum(['created', 'updated', 'unchanged', 'refused', 'failed'], {
      description: 'failed: this line and those after it were not taken; detail says why',
    }),
    type: Type.Optional(Type.String()),
    id: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String()),
    field: Type.Optional(Type.String({ description: 'The member at fault' })),
  }),
)

/** Bulk import. */
export async function protectedResourceImportRoute(
  app: AdminScope,
  operations: Pick<Operations, 'resources'>,
): Promise<void> {
  await app.register(async (scope: AdminScope) => {
    acceptNdjson(scope)

    scope.post(
      '/admin/realms/:realm/resources',
      {
        ...NDJSON_ROUTE,
        schema: {
          tags: ['Resources'],
          operationId: 'importResources',
          summary: 'Create or replace resources in bulk: one line each, in the request and in the answer',
          description:
            `Up to ${MAX_LINES} lines. A refused line does not stop the others; a group must come before ` +
            'what is in it. 500 lines are one transaction, so what the answer has told is durable.',
          params: InRealm,
          body: {
            content: {
              [NDJSON]: {
                schema: Type.String({
                  description:
                    '{"type":"device","id":"d1","name":"Boiler","groups":["eu-edge"]} on each line',
                }),
              },
            },
          },
          response: { 200: { description: 'A line each', content: { [NDJSON]: { schema: Outcome } } } },
        },
      },
      async (request, reply) => {
        const { realm } = request.params
        // Without a body and its type there was nothing to validate.
        const text: unknown = request.body
        if (typeof text !== 'string')
          throw new Refusal('invalid', 'Send a resource on each line of the body.')
        return sendOutcomes(
          request,
          reply,
          importResourceLines(operations.resources, actorOf(request), realm, text),
          importOutcomeToWire,
        )
      },
    )
  })
}
