import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Answers addresses that fit no route because they cannot be read: neither hooks nor error handlers see those. */
export function refuseUnreadableAddress(
  { statusCode = 400, code }: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { method, ip } = request
  const line = { method, status: statusCode, address: ip, outcome: 'invalid_request', reason: code }
  request.log.info(line, 'request')
  reply
    .code(statusCode)
    .header('cache-control', 'no-store')
    .send({
      error: 'invalid_request',
      error_description: statusCode === 414 ? 'The address is too long.' : 'The address is malformed.',
    })
}
