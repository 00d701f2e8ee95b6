import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { weightOf } from '../accept.ts'
import { loggableRealm, note } from '../request-log.ts'
import { neverKept } from './oauth-error-handler.ts'

type AuthorizationRoute = { Params: { realm: string } }

const METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS']
const DESCRIPTION =
  'There is no sign-in for people here. Get a token by grant_type=client_credentials at the token endpoint.'

// Contains nothing of the request.
const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>unsupported_response_type</title>
<h1>unsupported_response_type</h1>
<p>${DESCRIPTION}</p>
</html>
`

/** Authorization endpoint, which many clients require in the metadata. It authorizes nothing and never redirects. */
export function authorizationRoute(
  app: FastifyInstance,
  operations: Pick<Operations, 'publishedRealms'>,
): void {
  const refuse = async (request: FastifyRequest<AuthorizationRoute>, reply: FastifyReply) => {
    const { realm } = request.params
    note(request, { realm: loggableRealm(realm) })
    await operations.publishedRealms.find(realm)
    note(request, { outcome: 'unsupported_response_type' })
    neverKept(reply)
      .header('vary', 'accept')
      .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', METHODS.join(', ')).send()
    if (!METHODS.includes(request.method))
      return reply
        .code(405)
        .header('allow', METHODS.join(', '))
        .send({ error: 'invalid_request', error_description: 'Use GET or POST.' })
    reply.code(400)
    if ((weightOf(request.headers.accept, 'text/html') ?? 0) > 0)
      return reply.header('content-type', 'text/html; charset=utf-8').send(PAGE)
    return reply.send({ error: 'unsupported_response_type', error_description: DESCRIPTION })
  }
  app.route<AuthorizationRoute>({
    method: app.supportedMethods,
    url: '/realms/:realm/protocol/openid-connect/auth',
    exposeHeadRoute: false,
    // Before the body is read.
    onRequest: refuse,
    handler: refuse,
  })
}
