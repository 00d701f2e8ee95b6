import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'

/** A parsed form. Only `resource` may repeat; an empty value counts as absent. */
export interface OAuthForm {
  /** Every parameter but `resource`. */
  get(name: string): string | undefined
  readonly resources: readonly string[]
}

/** Larger than any honest request: the longest token, signed by ML-DSA-87, takes 14 kB, a secret 3 kB. */
const BODY_LIMIT_BYTES = 18 * 1024

// RFC 8707 section 2: the only parameter that may repeat.
const RESOURCE = 'resource'

/** Characters that `formDecode` changes or refuses. */
const ENCODED = /[%+\0\ufffd]/

const NO_FORM: OAuthForm = { get: () => undefined, resources: [] }

/** Accepts forms only, so that no route sees an unparsed body. */
export async function acceptForms(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers()
  // Fastify does not catch errors of this parser, so the hook before the handler throws them.
  await app.register(formbody, { bodyLimit: BODY_LIMIT_BYTES, parser: (text) => ({ form: tryParse(text) }) })
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    if ((headers['content-encoding'] ?? 'identity') === 'identity') done()
    else done(new OAuthError('invalid_request', 'Content-Encoding is not supported.'))
  })
  app.addHook('preValidation', (request, _reply, done) => {
    const { form = NO_FORM } = (request.body ?? {}) as { form?: OAuthForm | OAuthError }
    if (form instanceof OAuthError) return done(form)
    request.body = form
    done()
  })
}

function tryParse(text: string): OAuthForm | OAuthError {
  try {
    return parseForm(text)
  } catch (error) {
    return error as OAuthError
  }
}

/** @throws OAuthError `invalid_request` */
export function parseForm(text: string): OAuthForm {
  // Most forms have no character that needs decoding.
  const decode = ENCODED.test(text) ? formDecode : asItIs
  const values = new Map<string, string>()
  const resources: string[] = []
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1))
    // RFC 6749 section 3.2: no parameter may repeat; one without a value counts as omitted.
    if (name === RESOURCE) {
      if (value !== '') resources.push(value)
    } else if (values.has(name))
      throw new OAuthError('invalid_request', 'A parameter was sent more than once.')
    else values.set(name, value)
  }
  return { get: (name) => values.get(name) || undefined, resources }
}

function asItIs(text: string): string {
  return text
}

/** Decodes one half of a pair (application/x-www-form-urlencoded, UTF-8). */
export function formDecode(text: string): string {
  let decoded: string
  try {
    decoded = /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text
  } catch {
    throw new OAuthError('invalid_request', 'The percent-encoding is malformed.')
  }
  // U+FFFD marks bytes that are not UTF-8.
  if (/[\0\ufffd]/.test(decoded))
    throw new OAuthError('invalid_request', 'The request has characters that are not allowed.')
  return decoded
}
