import type { FastifyInstance } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { loggableRealm, note } from '../request-log.ts'
import { safeNext } from './sign-in.ts'
import { type SessionCookie, sessionCookie } from './visit.ts'

type Deps = Pick<Operations, 'startSingleSignOn' | 'finishSingleSignOn' | 'publicUrl'>

/** To the company's OpenID provider, and back. */
export function singleSignOnScreen(app: FastifyInstance, operations: Deps, cookie: SessionCookie): void {
  const attempts = sessionCookie(operations.publicUrl, 'sign-in')

  app.get<{ Params: { tenant: string }; Querystring: { next?: string | string[] } }>(
    '/portal/:tenant/sign-in/sso',
    async (request, reply) => {
      const { tenant } = request.params
      note(request, { realm: loggableRealm(tenant) })
      const returnTo = safeNext(tenant, [request.query.next ?? ''].flat().at(-1))
      const { url, attempt } = await operations.startSingleSignOn(tenant, returnTo)
      attempts.set(reply, attempt)
      return reply.redirect(url, 303)
    },
  )

  app.get('/portal/_callback', async (request, reply) => {
    const attempt = attempts.read(request)
    attempts.clear(reply)
    const query = request.url.split('?')[1] ?? ''
    const signedIn = await operations.finishSingleSignOn(attempt, query, clientAddress(request))
    note(request, { realm: signedIn.realm })
    cookie.set(reply, signedIn.cookie)
    return reply.redirect(signedIn.returnTo, 303)
  })
}
