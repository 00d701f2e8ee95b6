import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { sendProblem } from './admin/problem.ts'
import type { Problem } from './admin/problem-of-error.ts'
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
  if (isAdminAddress(request)) return void sendUnreadable(request, reply, isTooLong)
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({
      error: 'invalid_request',
      error_description: isTooLong ? 'The address is too long.' : 'The address is malformed.',
    })
}

function isAdminAddress({ raw: { url = '' } }: FastifyRequest): boolean {
  return /^\/+admin(?:[/?]|$)/.test(url)
}

function sendUnreadable(request: FastifyRequest, reply: FastifyReply, isTooLong: boolean): FastifyReply {
  const problem: Problem = isTooLong
    ? { status: 414, code: 'too_long', title: 'Too long', detail: 'A part of the address is too long.' }
    : {
        status: 400,
        code: 'invalid',
        title: 'Invalid request',
        detail: 'The address is not percent-encoded UTF-8.',
      }
  return sendProblem(request, reply, problem)
}
