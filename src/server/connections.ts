import { type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const TICK_MILLISECONDS = 25

/** How a server closes its connections when it stops. */
export interface Drain {
  /** For `http.createServer`. */
  readonly ServerResponse: typeof ServerResponse
  isDraining(): boolean
  /** From now on, each answer is the last one on its connection. */
  start(): void
  /** Ends connections that have sent nothing yet, until the returned function is called. */
  endSilentConnections(): () => void
  /** Tracks a server's connections. */
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
      // Looks twice: bytes that arrived may not have been read at the first look. Node counts such a connection as busy.
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
