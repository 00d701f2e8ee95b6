import type { FastifyInstance } from 'fastify'
import type { Operations } from '../operations/operations.ts'
import { getOnly } from './get-only.ts'

/**
 * GET /health/live: the process answers. GET /health/ready: it can serve requests.
 * @param isClosing true once the server was told to stop
 */
export function healthRoutes(
  app: FastifyInstance,
  operations: Pick<Operations, 'health'>,
  isClosing: () => boolean,
): void {
  for (const url of ['/health/live', '/health/ready']) getOnly(app, url)

  app.get('/health/live', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { status: 'live' }
  })

  app.get('/health/ready', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    const hindrances = isClosing()
      ? ['the server is shutting down']
      : await operations.health.findHindrances()
    if (hindrances.length === 0) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', hindrances })
  })
}
