import type { AccessToken } from './access-token.ts'
import type { BearerRequest } from './bearer.ts'
import { requireScope } from './permissions.ts'
import { TokenError } from './token-error.ts'
import type { Verifier } from './verifier.ts'

export interface FastifyVerifierOptions {
  readonly verifier: Verifier
  /** A scope that every route needs. Default: none. */
  readonly scope?: string
}

interface FastifyRequestLike {
  readonly raw: BearerRequest
}

interface FastifyReplyLike {
  code(status: number): FastifyReplyLike
  headers(headers: Record<string, string>): FastifyReplyLike
  send(body?: unknown): FastifyReplyLike
}

type Hook = (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>

interface FastifyLike {
  decorateRequest(name: string, value: null): unknown
  addHook(name: 'onRequest', hook: Hook): unknown
}

/**
 * A Fastify plugin: `scope.register(fastifyVerifier, { verifier })` protects the routes of that scope. The verified
 * token is `request.token`; anything else is answered as RFC 6750 section 3 says.
 */
export const fastifyVerifier = Object.assign(
  async (app: FastifyLike, { verifier, scope }: FastifyVerifierOptions): Promise<void> => {
    app.decorateRequest('token', null)
    app.addHook('onRequest', async (request, reply) => {
      try {
        const token = await verifier.authenticate(request.raw)
        if (scope !== undefined) requireScope(token, scope)
        const holder: FastifyRequestLike & { token?: AccessToken } = request
        holder.token = token
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        return reply.code(error.status).headers(error.headers).send(error.body)
      }
    })
  },
  // The hook is for the scope that registers the plugin, not for one of the plugin's own.
  { [Symbol.for('skip-override')]: true },
)
