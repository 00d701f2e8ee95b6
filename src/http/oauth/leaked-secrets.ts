import { setTimeout as sleep } from 'node:timers/promises'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../../domain/failed-attempts.ts'
import { parseLeakedSecrets } from '../../domain/leaked-secret.ts'
import { OAuthError, TooManyFailuresError } from '../../domain/oauth-error.ts'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { loggableRealm, note } from '../request-log.ts'
import { answerOAuthError, neverKept } from './oauth-error-handler.ts'

const BODY_LIMIT_BYTES = 256 * 1024

/** Maximum per minute for one address and process. */
const REPORTS_A_MINUTE = 60

/** Minimum response time, so that timing does not reveal what was found. */
const ANSWER_MILLISECONDS = 500

/** Where secret scanners report findings, in the format of GitHub's partner program. */
export async function leakedSecretsRoute(
  app: FastifyInstance,
  operations: Pick<Operations, 'leakedSecrets'>,
): Promise<void> {
  await acceptReports(app)
  // Scanners send everything to one address.
  for (const path of ['/realms/:realm/leaked-secrets', '/leaked-secrets'])
    app.post<ReportRoute>(path, (request, reply) => receive(request, reply, operations))
}

type ReportRoute = { Params: { realm?: string } }

async function receive(
  request: FastifyRequest<ReportRoute>,
  reply: FastifyReply,
  operations: Pick<Operations, 'leakedSecrets'>,
): Promise<FastifyReply> {
  const { realm } = request.params
  if (realm !== undefined) note(request, { realm: loggableRealm(realm) })
  const reports = parseLeakedSecrets(request.body)
  const [valid] = await Promise.all([
    operations.leakedSecrets.report(realm, reports, clientAddress(request)),
    sleep(ANSWER_MILLISECONDS),
  ])
  note(request, { outcome: 'reported', reason: `${reports.length} reported, ${valid} valid` })
  // The same answer for all: a reporter must not learn whether a secret was valid.
  return neverKept(reply).code(202).send({ received: reports.length })
}

/** Accepts JSON only, and no more than scanners send. */
async function acceptReports(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    parse,
  )
  app.addContentTypeParser('*', (_request, _body, done) =>
    done(new OAuthError('invalid_request', 'Send application/json.')),
  )
  app.setErrorHandler(answerOAuthError)
  await app.register(rateLimit, {
    max: REPORTS_A_MINUTE,
    timeWindow: '1 minute',
    cache: 10_000,
    keyGenerator: (request) => networkOf(clientAddress(request)),
    errorResponseBuilder: (_request, { ttl }) =>
      new TooManyFailuresError(Math.ceil(ttl / 1000), 'reports of leaked secrets'),
  })
}
