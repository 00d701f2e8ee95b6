import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Of a server or of a test's own. */
type App = Pick<FastifyInstance, 'server'> & {
  ready(): PromiseLike<unknown>
  listen(options: { port: number; host: string }): Promise<unknown>
}

/** A request whose head and first bytes have been sent, and whose rest is still to come. */
export interface Dribble {
  send(bytes: string): void
  /** Sends the rest, or these bytes; returns the status, and all that was answered. */
  finish(rest?: string): Promise<{ readonly status: number; readonly text: string }>
}

/** Sends a request but for the end of its body. Resolves once the server has read its head. */
export async function dribble(
  app: App,
  method: string,
  path: string,
  { token, body, type = 'application/json' }: { token: string; body: string; type?: string },
): Promise<Dribble> {
  const socket = await connectTo(app)
  const answered = answerTo(socket)
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
    finish: (rest = body.slice(2)) => {
      // It may have been answered already, and the connection be gone.
      if (socket.writable) socket.write(rest)
      return answered
    },
  }
}

/** Sends bytes as they are; returns all that is answered until the server hangs up. */
export async function exchange(app: App, bytes: string): Promise<{ status: number; text: string }> {
  const socket = await connectTo(app)
  const answered = answerTo(socket)
  socket.write(bytes)
  return answered
}

async function connectTo(app: App): Promise<Socket> {
  await app.ready()
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket.on('error', () => {})
}

/** All that is answered until the connection closes, from now on. */
async function answerTo(socket: Socket): Promise<{ status: number; text: string }> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  await once(socket, 'close')
  const answer = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), text: answer }
}
