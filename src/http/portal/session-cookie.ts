import type {} from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface SessionCookie {
  read(request: FastifyRequest): string | undefined
  set(reply: FastifyReply, value: string): void
  clear(reply: FastifyReply): void
}

/** One cookie for each realm, so that tabs in several realms do not overwrite each other's. */
export interface RealmCookies {
  read(request: FastifyRequest, realm: string): string | undefined
  /** Values of all realms, by realm. */
  all(request: FastifyRequest): ReadonlyMap<string, string>
  set(reply: FastifyReply, realm: string, value: string): void
  clear(reply: FastifyReply, realm: string): void
}

/** @param purpose distinguishes several cookies */
export function sessionCookie(publicUrl: string, purpose: string): SessionCookie {
  const { nameOf, options } = cookiesOf(publicUrl)
  const name = nameOf(purpose)
  return {
    read: (request) => request.cookies[name],
    set: (reply, value) => void reply.setCookie(name, value, options),
    clear: (reply) => void reply.clearCookie(name, options),
  }
}

/** @param purpose distinguishes several cookies */
export function realmCookies(publicUrl: string, purpose = 'portal'): RealmCookies {
  const { nameOf, options } = cookiesOf(publicUrl)
  const prefix = nameOf(`${purpose}-`)
  return {
    read: (request, realm) => request.cookies[prefix + realm],
    all: ({ cookies }) =>
      new Map(
        Object.entries(cookies).flatMap(([name, value]) =>
          name.startsWith(prefix) && value ? [[name.slice(prefix.length), value] as const] : [],
        ),
      ),
    set: (reply, realm, value) => void reply.setCookie(prefix + realm, value, options),
    clear: (reply, realm) => void reply.clearCookie(prefix + realm, options),
  }
}

function cookiesOf(publicUrl: string) {
  const secure = publicUrl.startsWith('https:')
  // The __Host- prefix makes browsers accept the cookie only from this host over https.
  const nameOf = (purpose: string) => (secure ? `__Host-mintmark-${purpose}` : `mintmark-${purpose}`)
  return { nameOf, options: { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const }
}
