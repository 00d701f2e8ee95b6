import type { FastifyInstance } from 'fastify'

/** A method that no address supports (RFC 9110 section 15.6.2): 501. */
export class UnknownMethod extends Error {
  override readonly name = 'UnknownMethod'
  readonly statusCode = 501
  readonly code = 'unknown_method'

  constructor() {
    super('No address here supports this method. Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.')
  }
}

/** Refuses methods that no route can have, such as PROPFIND: the router would answer 404, though the address exists. */
export function refuseUnknownMethods(app: FastifyInstance): void {
  const known = new Set<string>(app.supportedMethods)
  app.addHook('onRequest', ({ method }, _reply, done) => {
    if (known.has(method)) done()
    else done(new UnknownMethod())
  })
}
