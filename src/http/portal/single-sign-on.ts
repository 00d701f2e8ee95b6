import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { clientAddress } from '../client-address.ts'
import { loggableRealm, note } from '../request-log.ts'
import { realmCookies } from './session-cookie.ts'
import { safeNext } from './sign-in.ts'
import type { Gate } from './visit.ts'

/** Attempts per minute of one address, which several people may share. */
const ATTEMPTS = 120

/** Sign-in at the organisation's OpenID provider, and its callback. */
export function singleSignOnScreen(
  app: FastifyInstance,
  operations: Pick<Operations, 'singleSignOn'>,
  { signedInto, publicUrl }: Gate,
): void {
  const attempts = realmCookies(publicUrl, 'sign-in')
  const config = { rateLimit: { max: ATTEMPTS, timeWindow: 60_000 } }

  app.get<{ Params: { realm: string }; Querystring: { next?: string | string[] } }>(
    '/portal/:realm/sign-in/sso',
    { config },
    async (request, reply) => {
      const { realm } = request.params
      note(request, { realm: loggableRealm(realm) })
      const returnTo = safeNext(realm, [request.query.next ?? ''].flat().at(-1))
      const { url, attempt } = await operations.singleSignOn.start(realm, returnTo)
      attempts.set(reply, realm, attempt)
      return reply.redirect(url, 303)
    },
  )

  async function comeBack(request: FastifyRequest, reply: FastifyReply, realm?: string) {
    if (realm !== undefined) note(request, { realm: loggableRealm(realm) })
    const query = request.url.split('?')[1] ?? ''
    const begun = attempts.all(request)
    const state = new URLSearchParams(query).get('state') ?? undefined
    const of = operations.singleSignOn.realmOfAttempt(begun.values(), state)
    // One that does not open is told apart from none.
    const attempt = of === undefined ? begun.values().next().value : begun.get(of)
    for (const name of of === undefined ? begun.keys() : [of]) attempts.clear(reply, name)
    const callback = { realm, attempt, query, address: clientAddress(request) }
    const signedIn = await operations.singleSignOn.finish(callback)
    note(request, { realm: signedIn.realm })
    await signedInto(request, reply, signedIn)
    return reply.redirect(signedIn.returnTo, 303)
  }

  // A provider shared by all realms redirects here; where each realm has one, each has its own URL.
  app.get('/portal/_callback', { config }, async (request, reply) => comeBack(request, reply))
  app.get<{ Params: { realm: string } }>('/portal/:realm/callback', { config }, async (request, reply) =>
    comeBack(request, reply, request.params.realm),
  )
}
