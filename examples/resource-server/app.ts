import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
// In a project of your own: from 'mintmark/verifier'.
import {
  type AccessToken,
  createVerifier,
  fastifyVerifier,
  requireScope,
} from '../../packages/verifier/src/index.ts'
import { DEVICES, type Device } from './devices.ts'

export interface Options {
  /** The realm's issuer, as in `iss`. */
  readonly issuer: string
  /** What this server is called in `aud`. */
  readonly audience: string
}

/** Devices below /api/v1, shown and restarted by whoever may. */
export async function createApp(options: Options): Promise<FastifyInstance> {
  const verifier = createVerifier(options)
  const app = fastify()
  const target = ({ id, groups }: Device) => ({ type: 'device', id, groups })

  await app.register(
    async (api) => {
      await api.register(fastifyVerifier, { verifier })

      api.get('/devices', async (request) => {
        requireScope(tokenOf(request), 'view')
        const allowed = await Promise.all(
          DEVICES.map((one) => verifier.mayOn(tokenOf(request), target(one), 'view')),
        )
        return { items: DEVICES.filter((_, n) => allowed[n]) }
      })

      api.post<{ Params: { id: string } }>('/devices/:id/restart', async (request, reply) => {
        const device = DEVICES.find(({ id }) => id === request.params.id)
        // Whoever may not know of a device is told the same as of one that is not there.
        if (!device || !(await verifier.mayOn(tokenOf(request), target(device), 'view')))
          return reply.code(404).send({ error: 'not_found' })
        await verifier.requireRoleOn(tokenOf(request), target(device), 'operate')
        return reply.code(202).send({ restarting: device.id })
      })
    },
    { prefix: '/api/v1' },
  )
  return app
}

function tokenOf(request: FastifyRequest): AccessToken {
  return (request as FastifyRequest & { token: AccessToken }).token
}
