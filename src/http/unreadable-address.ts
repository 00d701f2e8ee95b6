import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from './client-address.ts'

/** Answers addresses that fit no route because they cannot be read: neither hooks nor error handlers see those. */
export function refuseUnreadableAddress(
  { statusCode, code }: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const isTooLong = statusCode === 414
  const status = isTooLong ? 414 : 400
  const line = {
    method: request.method,
    status,
    address: clientAddress(request),
    outcome: 'invalid_request',
    reason: code,
  }
  request.log.info(line, 'request')
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({
      error: 'invalid_request',
      error_description: isTooLong ? 'The address is too long.' : 'The address is malformed.',
    })
}
