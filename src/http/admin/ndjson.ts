import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { LineOutcome } from '../../operations/import-lines.ts'
import { logFault, note } from '../request-log.ts'
import type { AdminScope } from './admin-scope.ts'

export const NDJSON = 'application/x-ndjson'

/** Ten thousand devices take about one. */
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024

/** Time limit to receive the body: 16 MiB at half a megabit a second. */
export const IMPORT_MILLISECONDS = 300_000

/** Options of a route that takes NDJSON. */
export const NDJSON_ROUTE = {
  bodyLimit: BODY_LIMIT_BYTES,
  config: { mediaType: NDJSON, bodyLimitBytes: BODY_LIMIT_BYTES, bodyMilliseconds: IMPORT_MILLISECONDS },
}

/** Takes NDJSON alone. The body is read whole before the first line is written, so an interrupted upload changes nothing. */
export function acceptNdjson(scope: AdminScope): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser<string>(NDJSON, { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )
}

/** Answers a line for each line, as they are imported. @param toWire the answer to one line, as JSON */
export async function sendOutcomes<Outcome>(
  request: FastifyRequest,
  reply: FastifyReply,
  chunks: AsyncGenerator<LineOutcome<Outcome>[]>,
  toWire: (line: number, outcome: Outcome) => object,
): Promise<FastifyReply> {
  // Refusals come before the first line, while the status can still be set.
  const first = await chunks.next()
  return reply.header('content-type', NDJSON).send(Readable.from(answerLines(request, first, chunks, toWire)))
}

async function* answerLines<Outcome>(
  request: FastifyRequest,
  first: IteratorResult<LineOutcome<Outcome>[]>,
  chunks: AsyncGenerator<LineOutcome<Outcome>[]>,
  toWire: (line: number, outcome: Outcome) => object,
): AsyncGenerator<string> {
  let next = 1
  try {
    for (let chunk = first; !chunk.done; chunk = await chunks.next()) {
      next = (chunk.value.at(-1) as LineOutcome<Outcome>).line + 1
      yield chunk.value.map((one) => `${JSON.stringify(toWire(one.line, one.outcome))}\n`).join('')
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
