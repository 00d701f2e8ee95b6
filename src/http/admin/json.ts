import { Ajv, type Options } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'

/** Larger than any honest request. */
export const BODY_LIMIT_BYTES = 64 * 1024

/** Accepts JSON and nothing else, and takes it as it is: nothing is converted, dropped or filled in. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => (body === '' ? done(null, undefined) : parse(request, body, done)),
  )
  // No body says as little as an empty one.
  app.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
  const strict = ajv({})
  // In a URL everything is text.
  const ofText = ajv({ coerceTypes: true })
  app.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? strict : ofText).compile(schema as object),
  )
}

function ajv(options: Options): Ajv {
  const made = new Ajv({ strict: true, allowUnionTypes: true, ...options })
  formats.default(made)
  return made
}
