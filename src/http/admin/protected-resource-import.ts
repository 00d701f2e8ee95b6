import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { OAuthError } from '../../domain/oauth-error.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Operations } from '../../operations/operations.ts'
import {
  importResourceLines,
  type LineOutcome,
  MAX_LINES,
} from '../../operations/resources/protected-resource-import.ts'
import { importOutcomeToWire } from '../../wire/protected-resource.ts'
import { logFault, note } from '../request-log.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { InRealm } from './schemas.ts'

const NDJSON = 'application/x-ndjson'

/** Ten thousand devices take about one. */
const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** Time limit to receive the body: 16 MiB at half a megabit a second. */
export const IMPORT_MILLISECONDS = 300_000

const Outcome = Type.Object({
  line: Type.Integer({ description: 'From 1' }),
  status: Type.Enum(['created', 'updated', 'unchanged', 'refused', 'failed'], {
    description: 'failed: this line and those after it were not taken; detail says why',
  }),
  type: Type.Optional(Type.String()),
  id: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  field: Type.Optional(Type.String({ description: 'The member at fault' })),
})

/** Bulk import. The body is read whole before the first line is written, so an interrupted upload changes nothing. */
export async function protectedResourceImportRoute(
  app: AdminScope,
  operations: Pick<Operations, 'resources'>,
): Promise<void> {
  await app.register(async (scope: AdminScope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser<string>(NDJSON, { parseAs: 'string' }, (_request, body, done) =>
      done(null, body),
    )

    scope.post(
      '/admin/realms/:realm/resources',
      {
        bodyLimit: BODY_LIMIT_BYTES,
        config: {
          mediaType: NDJSON,
          bodyLimitBytes: BODY_LIMIT_BYTES,
          bodyMilliseconds: IMPORT_MILLISECONDS,
        },
        schema: {
          tags: ['Resources'],
          summary: 'Make or replace resources in bulk: a line each, and a line each in the answer',
          description:
            `Up to ${MAX_LINES} lines. A line that is refused keeps no other out; a group has to come before ` +
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
        )
      },
    )
  })
}

async function sendOutcomes(
  request: FastifyRequest,
  reply: FastifyReply,
  chunks: AsyncGenerator<LineOutcome[]>,
): Promise<FastifyReply> {
  // Refusals come before the first line, while the status can still be set.
  const first = await chunks.next()
  return reply.header('content-type', NDJSON).send(Readable.from(answerLines(request, first, chunks)))
}

async function* answerLines(
  request: FastifyRequest,
  first: IteratorResult<LineOutcome[]>,
  chunks: AsyncGenerator<LineOutcome[]>,
): AsyncGenerator<string> {
  let next = 1
  try {
    for (let chunk = first; !chunk.done; chunk = await chunks.next()) {
      next = (chunk.value.at(-1) as LineOutcome).line + 1
      yield chunk.value
        .map((one) => `${JSON.stringify(importOutcomeToWire(one.line, one.outcome))}\n`)
        .join('')
    }
  } catch (error) {
    // The answer has begun: a failure can only be reported in its last line.
    const ended = error instanceof OAuthError || error instanceof Refusal
    if (ended) note(request, { outcome: error.code, reason: error.message })
    else logFault(request, error)
    const detail = ended
      ? 'This line and those after it were not taken: who sent them may not go on. Sign in again.'
      : 'This line and those after it were not taken. Send them again.'
    yield `${JSON.stringify({ line: next, status: 'failed', detail })}\n`
  }
}
