import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A request whose head and first bytes have been sent, and whose rest is still to come. */
export interface Dribble {
  send(bytes: string): void
  /** Sends the rest, or these bytes; returns the status, and all that was answered. */
  finish(rest?: string): Promise<{ readonly status: number; readonly text: string }>
}

/** Sends a request but for the end of its body. Resolves once the server has read its head. */
export async function dribble(
  app: FastifyInstance,
  method: string,
  path: string,
  { token, body, type = 'application/json' }: { token: string; body: string; type?: string },
): Promise<Dribble> {
  const socket = await connectTo(app)
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Expect: 100-continue',
    'Connection: close',
  ]
  // Told to go on, it knows that the head has been read and is being worked on.
  const [going] = await Promise.all([once(socket, 'data'), socket.write(`${head.join('\r\n')}\r\n\r\n`)])
  if (!String(going).startsWith('HTTP/1.1 100')) throw new Error(`not told to go on: ${going}`)
  socket.write(body.slice(0, 2))
  return {
    send: (bytes) => void socket.write(bytes),
    finish: (rest = body.slice(2)) => answerOf(socket, rest),
  }
}

/** Sends bytes as they are; returns all that is answered until the server hangs up. */
export async function exchange(
  app: FastifyInstance,
  bytes: string,
): Promise<{ status: number; text: string }> {
  return answerOf(await connectTo(app), bytes)
}

async function connectTo(app: FastifyInstance): Promise<Socket> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket.on('error', () => {})
}

async function answerOf(socket: Socket, bytes: string): Promise<{ status: number; text: string }> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(bytes)
  await once(socket, 'close')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]), text }
}
