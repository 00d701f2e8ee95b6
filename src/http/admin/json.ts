import type { FastifyInstance } from 'fastify'
import { Type } from '../../wire/json-schema.ts'
import { findJsonFault } from './json-fault.ts'
import { schemaSerializers } from './schema-serializers.ts'
import { schemaValidators } from './schema-validators.ts'
import { Closed } from './schemas.ts'

/** Larger than any honest request. */
export const BODY_LIMIT_BYTES = 64 * 1024

/** A body that is not JSON. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault'
  readonly statusCode = 400

  constructor(body: string) {
    super(describeFault(body))
  }
}

function describeFault(body: string): string {
  const at = findJsonFault(body)
  if (at === undefined) return 'The body has a member __proto__ or constructor.prototype: leave it out.'
  const lines = body.slice(0, at).split(/\r\n|\n|\r/)
  const place = `line ${lines.length}, column ${(lines.at(-1) as string).length + 1}`
  return at === body.length
    ? `The JSON of the body ends too early: ${place}.`
    : `The body is not JSON: ${place}.`
}

/** Accepts JSON only, and takes it as it is: no coercion, removal or defaults. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      if (body === '') done(null, undefined)
      else
        void parse(request, body, (error, value) => (error ? done(new JsonFault(body)) : done(null, value)))
    },
  )
  // `curl -d ''` says that nothing is a form.
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['content-length'] === '0') delete headers['content-type']
  })
  // No body is equal to an empty one.
  app.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
  app.setValidatorCompiler(schemaValidators())
  app.setSerializerCompiler(schemaSerializers)
}

/** Refuses unknown query parameters instead of ignoring them. */
export function closeQueries(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.url === '/admin/*' || (route.schema?.hide && route.method !== 'GET')) return
    const known = route.schema?.querystring as object | undefined
    const querystring = known ? { ...known, ...Closed } : Type.Object({}, Closed)
    route.schema = { ...route.schema, querystring }
  })
}
