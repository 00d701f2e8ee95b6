import { type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const TICK_MILLISECONDS = 25

/** How a server lets go of its connections when it stops. */
export interface Drain {
  /** For `http.createServer`. */
  readonly ServerResponse: typeof ServerResponse
  isDraining(): boolean
  /** From now on each answer is the last one of its connection. */
  start(): void
  /** Ends connections that have sent nothing yet, until the returned function is called. */
  endSilentConnections(): () => void
  /** Keeps count of a server's connections. */
  watch(server: Server): void
}

export function createDrain(): Drain {
  let draining = false
  const sockets = new Set<Socket>()

  class LastResponse extends ServerResponse {
    override writeHead(status: number, ...rest: never[]): this {
      if (draining) this.shouldKeepAlive = false
      return super.writeHead(status, ...rest)
    }
  }

  return {
    ServerResponse: LastResponse as typeof ServerResponse,
    isDraining: () => draining,
    start: () => {
      draining = true
    },
    endSilentConnections: () => {
      // Seen twice, for what it sent may not have been read yet the first time. Node takes such a connection for a busy one.
      let seen = new Set<Socket>()
      const timer = setInterval(() => {
        const silent = [...sockets].filter((socket) => socket.bytesRead === 0)
        for (const socket of silent) if (seen.has(socket)) socket.destroy()
        seen = new Set(silent)
      }, TICK_MILLISECONDS)
      return () => clearInterval(timer)
    },
    watch: (server) => {
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
    },
  }
}
