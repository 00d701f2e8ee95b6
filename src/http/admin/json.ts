import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { Closed } from './schemas.ts'

/** Larger than any honest request. */
export const BODY_LIMIT_BYTES = 64 * 1024

/** Accepts JSON only, and takes it as it is: no coercion, removal or defaults. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => (body === '' ? done(null, undefined) : parse(request, body, done)),
  )
  // No body is equal to an empty one.
  app.addHook('preValidation', async (request) => {
    request.body ??= {}
  })
  const ajv = new Ajv({ strict: true, allowUnionTypes: true })
  formats.default(ajv)
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const numbers = httpPart === 'querystring' ? numbersOf(schema as QuerySchema) : []
    // Compiled on first use: dozens of schemas would take a tenth of each start.
    let validate: ValidateFunction | undefined
    const check = Object.assign(
      (data: Record<string, unknown>) => {
        validate ??= ajv.compile(schema as object)
        readNumbers(numbers, data)
        const good = validate(data)
        check.errors = validate.errors ?? null
        return good
      },
      { errors: null as ErrorObject[] | null },
    )
    return check
  })
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

interface QuerySchema {
  readonly properties: Record<string, { readonly type?: unknown }>
}

function numbersOf({ properties }: QuerySchema): readonly string[] {
  return Object.keys(properties).filter((name) => properties[name]?.type === 'integer')
}

// In a URL everything is text. Ajv would accept 1e309 as a number.
function readNumbers(names: readonly string[], query: Record<string, unknown>): void {
  for (const name of names) {
    if (/^\d{1,9}$/.test(String(query[name]))) query[name] = Number(query[name])
  }
}
