import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import type { PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'
import { decodeResponse, encodeRequest, type JwtSvid } from './spiffe-messages.ts'

const METHOD = '/SpiffeWorkloadAPI/FetchJWTSVID'
const TIMEOUT_MS = 5000
const MAX_BYTES = 1024 * 1024

/** What an agent says by a status of gRPC that is no success, and what to do. */
const STATUS: Readonly<Record<string, string>> = {
  '3': 'it does not take the request',
  '7': 'it has no identity for this process: register an entry that selects it',
  '12': 'it issues no JWT-SVIDs',
  '14': 'it is not ready',
}

/** A JWT-SVID of this process, from the SPIFFE Workload API. Of several, the one that was named, or the first. */
export async function fromSpiffe({ audience, detail, env }: PlatformRequest): Promise<string> {
  const address = env['SPIFFE_ENDPOINT_SOCKET']
  if (!address)
    throw new PlatformTokenError('SPIFFE_ENDPOINT_SOCKET is not set: name the socket of the agent')
  const socket = openSocket(address)
  const session = connect('http://localhost', { createConnection: () => socket })
  const timer = setTimeout(() => session.destroy(new Error('it took too long')), TIMEOUT_MS)
  try {
    const svids = await fetchSvids(session, encodeRequest(audience, detail))
    const found = detail === undefined ? svids[0] : svids.find(({ spiffeId }) => spiffeId === detail)
    if (!found)
      throw new PlatformTokenError(`the SPIFFE agent gave no JWT-SVID${detail ? ` of ${detail}` : ''}`)
    return found.token
  } catch (error) {
    if (error instanceof PlatformTokenError) throw error
    throw new PlatformTokenError(`no answer from the SPIFFE agent at ${address}: ${(error as Error).message}`)
  } finally {
    clearTimeout(timer)
    session.destroy()
  }
}

function openSocket(address: string): Socket {
  const [, path] = /^unix:(?:\/\/)?(\/.+)$/.exec(address) ?? []
  if (path !== undefined) return connectSocket(path)
  const [, host = '', port] = /^tcp:\/\/(\d+(?:\.\d+){3}|\[[\da-f:]+\]):(\d{1,5})$/i.exec(address) ?? []
  if (port !== undefined) return connectSocket(Number(port), host.replace(/[[\]]/g, ''))
  throw new PlatformTokenError('SPIFFE_ENDPOINT_SOCKET has to be like unix:///run/spire/agent.sock')
}

/** One unary call of gRPC: a message goes, and a message and a status come. */
async function fetchSvids(session: ClientHttp2Session, message: Buffer): Promise<JwtSvid[]> {
  const failed = once(session, 'error').then(([error]) => {
    throw error
  })
  const stream = session.request({
    ':method': 'POST',
    ':path': METHOD,
    'content-type': 'application/grpc',
    te: 'trailers',
    // Without it the agent refuses: a request that somebody else was tricked into would not have it.
    'workload.spiffe.io': 'true',
  })
  stream.end(framed(message))
  const { body, status, reason } = await Promise.race([readCall(stream), failed])
  if (status !== '0')
    throw new PlatformTokenError(
      `the SPIFFE agent refused: ${STATUS[status] ?? `gRPC status ${status}`}${reason}`,
    )
  return decodeResponse(unframed(body))
}

interface Call {
  readonly body: Buffer
  readonly status: string
  readonly reason: string
}

async function readCall(stream: ClientHttp2Stream): Promise<Call> {
  let said: Record<string, unknown> = {}
  const note = (headers: object) => {
    said = { ...said, ...headers }
  }
  // A refusal may come as headers alone.
  stream.on('response', note).on('trailers', note)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Error('its answer is too large')
    chunks.push(chunk)
  }
  const { 'grpc-status': status = 'missing', 'grpc-message': message } = said
  const reason = typeof message === 'string' ? ` (${printable(message)})` : ''
  return { body: Buffer.concat(chunks), status: String(status), reason }
}

function printable(message: string): string {
  return message.slice(0, 300).replace(/[^ -~]/g, '\ufffd')
}

// A byte that says "not compressed", and the length.
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function unframed(body: Buffer): Buffer {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5)
    throw new Error('its answer is not one message')
  return body.subarray(5)
}
