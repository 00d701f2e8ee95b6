import type {} from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface SessionCookie {
  read(request: FastifyRequest): string | undefined
  set(reply: FastifyReply, value: string): void
  clear(reply: FastifyReply): void
}

/** @param purpose distinguishes several cookies */
export function sessionCookie(publicUrl: string, purpose = 'portal'): SessionCookie {
  const secure = publicUrl.startsWith('https:')
  // The __Host- prefix makes browsers accept the cookie only from this host over https.
  const name = secure ? `__Host-mintmark-${purpose}` : `mintmark-${purpose}`
  const options = { path: '/', httpOnly: true, secure, sameSite: 'lax' } as const
  return {
    read: (request) => request.cookies[name],
    set: (reply, value) => void reply.setCookie(name, value, options),
    clear: (reply) => void reply.clearCookie(name, options),
  }
}
