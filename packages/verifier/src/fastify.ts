import type { AccessToken } from './access-token.ts'
import type { BearerRequest } from './bearer.ts'
import { requireScope } from './permissions.ts'
import { METADATA_HEADERS, type ResourceMetadata } from './resource-metadata.ts'
import { TokenError } from './token-error.ts'
import type { Verifier, VerifyOptions } from './verifier.ts'

export interface FastifyVerifierOptions extends VerifyOptions {
  readonly verifier: Verifier
  /** A scope that every route needs. Default: none. */
  readonly scope?: string
  /** Named in challenges (RFC 9728); `fastifyResourceMetadata` serves it. Default: none. */
  readonly metadata?: ResourceMetadata
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
  addHook(name: 'onRequest' | 'preValidation', hook: Hook): unknown
  get(path: string, handler: (request: unknown, reply: FastifyReplyLike) => unknown): unknown
}

function hasBody({ headers }: BearerRequest): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers as Readonly<
    Record<string, string | undefined>
  >
  return length !== '0' || encoding !== undefined
}

/**
 * A Fastify plugin: `scope.register(fastifyVerifier, { verifier })` protects the routes of that scope. The verified
 * token is `request.token`; anything else is answered as RFC 6750 section 3 says.
 */
export const fastifyVerifier = Object.assign(
  async (app: FastifyLike, options: FastifyVerifierOptions): Promise<void> => {
    const { verifier, scope, metadata } = options
    app.decorateRequest('token', null)
    const authenticate: Hook = async (request, reply) => {
      try {
        const token = await verifier.authenticate(request.raw, options)
        if (scope !== undefined) requireScope(token, scope)
        const holder: FastifyRequestLike & { token?: AccessToken } = request
        holder.token = token
        return
      } catch (error) {
        if (!(error instanceof TokenError)) throw error
        return reply.code(error.status).headers(error.headersWith(metadata?.url)).send(error.body)
      }
    }
    // Before the body, so that nothing is read of who may not; and after it, for a body may take a while.
    app.addHook('onRequest', authenticate)
    app.addHook('preValidation', async (request, reply) => {
      return hasBody(request.raw) ? authenticate(request, reply) : undefined
    })
  },
  // The hook is for the scope that registers the plugin, not for one of the plugin's own.
  { [Symbol.for('skip-override')]: true },
)

/** A Fastify plugin that serves the metadata of `createResourceMetadata`. Register it outside of any prefix. */
export async function fastifyResourceMetadata(
  app: Pick<FastifyLike, 'get'>,
  { metadata }: { readonly metadata: ResourceMetadata },
): Promise<void> {
  app.get(metadata.path, (_request, reply) => reply.headers(METADATA_HEADERS).send(metadata.body))
}
