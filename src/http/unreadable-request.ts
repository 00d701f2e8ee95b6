import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

interface Answer {
  readonly status: string
  readonly title: string
  readonly description: string
}

const MALFORMED: Answer = {
  status: '400 Bad Request',
  title: 'Invalid request',
  description: 'The request is malformed.',
}

const UNKNOWN_METHOD: Answer = {
  status: '501 Not Implemented',
  title: 'Not implemented',
  description: 'No address here supports this method.',
}

/** By codes of Node's parser. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    title: 'Too slow',
    description: 'The request did not arrive in time.',
  },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    title: 'Too large',
    description: 'The headers of the request are too large.',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: '413 Content Too Large',
    title: 'Too large',
    description: 'The request is too large.',
  },
}

interface ParserError {
  readonly code?: string | undefined
  readonly rawPacket?: unknown
}

/** Answers what Node cannot read as a request: no route, hook or error handler sees it. */
export function answerUnreadableRequest(this: FastifyInstance, error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const head = Buffer.isBuffer(error.rawPacket) ? error.rawPacket.toString('latin1', 0, 1000) : ''
  const answer = answerTo(error.code, head)
  this.log.info(
    {
      status: Number.parseInt(answer.status, 10),
      address: socket.remoteAddress,
      outcome: 'invalid_request',
      reason: error.code,
    },
    'request',
  )
  if (socket.writable) socket.write(format(answer, /^\S+ \/+admin[/? ]/.test(head)))
  socket.destroy()
}

/** Answers CONNECT, for which Node would close the connection without an answer. */
export function refuseConnect(app: FastifyInstance): void {
  app.server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {})
    socket.end(format(UNKNOWN_METHOD, false))
  })
}

function answerTo(code: string | undefined, head: string): Answer {
  if (code === 'HPE_INVALID_METHOD' && /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/1\.[01]\r\n/.test(head))
    return UNKNOWN_METHOD
  return ANSWERS[String(code)] ?? MALFORMED
}

function format({ status, title, description }: Answer, isAdmin: boolean): string {
  const body = JSON.stringify(
    isAdmin
      ? {
          type: `urn:mintmark:problem:${title.toLowerCase().replaceAll(' ', '-')}`,
          title,
          status: Number.parseInt(status, 10),
          detail: description,
        }
      : { error: 'invalid_request', error_description: description },
  )
  return [
    `HTTP/1.1 ${status}`,
    `Content-Type: application/${isAdmin ? 'problem+json' : 'json'}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
