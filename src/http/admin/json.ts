import { Ajv, type ValidateFunction } from 'ajv'
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
  const ajv = new Ajv({ strict: true, allowUnionTypes: true })
  formats.default(ajv)
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const validate = ajv.compile(schema as object)
    return httpPart === 'querystring' ? readingNumbers(schema as QuerySchema, validate) : validate
  })
}

interface QuerySchema {
  readonly properties: Record<string, { readonly type?: unknown }>
}

// In a URL everything is text. Ajv would take 1e309 for a number, which it then lets pass.
function readingNumbers({ properties }: QuerySchema, validate: ValidateFunction) {
  const numbers = Object.keys(properties).filter((name) => properties[name]?.type === 'integer')
  const check = Object.assign(
    (query: Record<string, unknown>) => {
      for (const name of numbers) {
        if (/^\d{1,9}$/.test(String(query[name]))) query[name] = Number(query[name])
      }
      const good = validate(query)
      check.errors = validate.errors ?? null
      return good
    },
    { errors: validate.errors ?? null },
  )
  return check
}
