import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type KeptAnswer, parseIdempotencyKey } from '../../domain/idempotency-key.ts'
import type { Operations } from '../../operations/operations.ts'
import type { BegunRequest } from '../../operations/upkeep/idempotency.ts'
import { note } from '../request-log.ts'
import { actorOf } from './authentication.ts'

/** Operations that heed Idempotency-Key. The others are as they are when they are repeated, or only read. */
export const IDEMPOTENT_BY_KEY: ReadonlySet<string> = new Set([
  'createRealm',
  'createServiceAccount',
  'resetSecret',
  'startSecretRotation',
  'addPublicKey',
  'createTrustedIssuer',
  'createWorkloadIdentity',
  'createWebhook',
  'addRole',
  'addGrant',
  'publishForeignKeys',
  'rotateSigningKey',
  'revokeTokens',
])

/** Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request again gets the same answer, without secrets. */
export function heedIdempotencyKeys(
  app: FastifyInstance,
  { idempotency }: Pick<Operations, 'idempotency'>,
): void {
  const begun = new WeakMap<FastifyRequest, BegunRequest>()

  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request)
    if (key === undefined) return
    const outcome = await idempotency.begin(actorOf(request), key, contentOf(request))
    if (!('hash' in outcome)) return replay(request, reply, outcome)
    begun.set(request, outcome)
  })

  app.addHook('onSend', async (request, reply, payload) => {
    const started = begun.get(request)
    if (!started) return payload
    const { statusCode: status } = reply
    if (status < 300) await idempotency.finish(started, answerOf(reply, payload))
    // After a fault the change may have been made: the key stays, without an answer.
    else if (status < 500) await idempotency.abandon(started)
    return payload
  })
}

/** @throws Refusal `invalid` */
function keyOf(request: FastifyRequest): string | undefined {
  const { 'idempotency-key': header } = request.headers
  const { operationId = '' } = (request.routeOptions.schema ?? {}) as { operationId?: string }
  if (header === undefined || !IDEMPOTENT_BY_KEY.has(operationId)) return undefined
  const key = parseIdempotencyKey(String(header))
  // Without the authority it is refused by the operation, as without a key.
  return mayAdminister(request) ? key : undefined
}

function mayAdminister(request: FastifyRequest): boolean {
  const { realm } = request.params as { realm?: string }
  const { authority } = actorOf(request)
  return authority.platform || (authority.realm === realm && authority.access === 'administer')
}

function contentOf({ method, url, headers, body }: FastifyRequest): string {
  const conditions = [headers['if-match'], headers['if-none-match']]
  return JSON.stringify([method, url, conditions, body ?? null])
}

function answerOf(reply: FastifyReply, payload: unknown): KeptAnswer {
  const text = (name: string) => {
    const value = reply.getHeader(name)
    return value === undefined ? undefined : String(value)
  }
  const body = typeof payload === 'string' ? payload : ''
  return { status: reply.statusCode, location: text('location'), etag: text('etag'), body }
}

function replay(request: FastifyRequest, reply: FastifyReply, { status, location, etag, body }: KeptAnswer) {
  note(request, { outcome: 'replayed' })
  reply.code(status).header('idempotency-replayed', 'true')
  if (location !== undefined) reply.header('location', location)
  if (etag !== undefined) reply.header('etag', etag)
  if (body !== '') reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(body)
}
