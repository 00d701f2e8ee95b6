import { Type } from '../../wire/json-schema.ts'
import type { ApiAnswer, ApiOperation } from './openapi-types.ts'
import { PROBLEM_CODES, problemType } from './problem-codes.ts'
import { named } from './schemas.ts'

/** The groups of the operations. */
export const TAGS: Readonly<Record<string, string>> = {
  Realms: 'Isolated sets of accounts, keys and settings, each with an issuer of its own',
  'Service accounts': 'Identities of programs',
  Secrets: 'Secrets of service accounts: replaced at once, or rotated with an overlap',
  'Public keys': 'Keys that service accounts sign assertions with (RFC 7523)',
  'Trusted issuers': 'Platforms whose tokens get in as service accounts, without a secret',
  'Workload identities': 'Which tokens of trusted issuers get in as which service account',
  'Roles and grants': 'What service accounts may do, on the whole realm or on single resources',
  Resources: 'Devices, device groups and other things that roles are granted on',
  Tokens: 'Tokens that service accounts have got already',
  'Signing keys': 'Keys that a realm signs its tokens with',
  People: 'Who is signed in to the portal, and one-time links for others',
  'Web hooks': 'Addresses that are told of leaked secrets, ending rotations, refusals and more',
  'Audit trail': 'What was changed, and which attempts were refused',
  Policy: 'Read the bounds for the settings of realms',
}

const header = (description: string, schema: object = { type: 'string' }) => ({ description, schema })

export const HEADERS = {
  ETag: header('Version of what is answered: send it as If-Match to change only that'),
  Location: header('Address of what was made', { type: 'string', format: 'uri' }),
  'Idempotency-Replayed': header(
    'true: this was answered before to the same Idempotency-Key, and nothing was done again',
  ),
  'Retry-After': header('Seconds to wait', { type: 'integer' }),
  'RateLimit-Limit': header('Requests a minute', { type: 'integer' }),
  'RateLimit-Remaining': header('Requests left', { type: 'integer' }),
  'RateLimit-Reset': header('Seconds until the count begins again', { type: 'integer' }),
  'WWW-Authenticate': header('What the token must be (RFC 6750)'),
}

const condition = (name: string, description: string) => ({
  in: 'header',
  name,
  description,
  schema: { type: 'string' },
})

export const PARAMETERS = {
  IfMatch: condition('If-Match', 'ETags of which one must be the present one, or *; otherwise 412'),
  IfNoneMatch: condition('If-None-Match', 'ETags of which none may be the present one; otherwise 412'),
  IdempotencyKey: {
    ...condition(
      'Idempotency-Key',
      'A text of your choice, such as a UUID. For 24 hours the same request with this key gets the same answer, without secrets, and changes nothing again',
    ),
    schema: { type: 'string', minLength: 1, maxLength: 257 },
  },
  IfNoneMatchToRead: condition('If-None-Match', 'ETags of what the client has; one of them: 304'),
}

const PROBLEM = named(
  'Problem',
  Type.Object({
    type: named(
      'ProblemType',
      Type.Enum(PROBLEM_CODES.map(problemType), { description: 'For programs. It never changes' }),
    ),
    title: Type.String({ description: 'The type in words' }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status' }),
    detail: Type.String({ description: 'For people: what is wrong, and what to do' }),
    field: Type.Optional(Type.String({ description: 'The member or parameter at fault' })),
    limit: Type.Optional(Type.Integer({ description: 'The limit that was reached' })),
    errors: Type.Optional(
      Type.Array(
        named(
          'Fault',
          Type.Object({
            field: Type.Optional(Type.String({ description: 'The member or parameter at fault' })),
            detail: Type.String({ description: 'What is wrong with it' }),
          }),
        ),
        { description: 'All faults, if there are several' },
      ),
    ),
  }),
)

const refused = (description: string, ...headers: (keyof typeof HEADERS)[]): ApiAnswer => ({
  description,
  headers: refer(['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', ...headers]),
  content: { 'application/problem+json': { schema: JSON.parse(JSON.stringify(PROBLEM)) } },
})

/** Refusals that operations share. */
export const ANSWERS: Record<string, ApiAnswer> = {
  NotModified: { description: 'The client has it already', headers: refer(['ETag']) },
  InvalidRequest: refused('A parameter, a header or the body is at fault'),
  NoValidToken: refused('No token, or none that is valid here', 'WWW-Authenticate'),
  Forbidden: refused('The token may not do this', 'WWW-Authenticate'),
  NotFound: refused('There is no such thing, or the token may not know of it'),
  TooSlow: refused('The body did not arrive in time'),
  Conflict: refused('What is there now does not allow it'),
  ChangedMeanwhile: refused('If-Match or If-None-Match does not hold'),
  TooLarge: refused('The body is too large'),
  TooLong: refused('A part of the address is too long'),
  UnsupportedMediaType: refused('The body has another media type'),
  KeyReused: refused('The Idempotency-Key came with another request before'),
  TooManyRequests: refused('More requests than a minute allows', 'Retry-After'),
  ServerError: refused('Something went wrong on the side of the server'),
  TemporarilyUnavailable: refused('The database or the server is busy or away', 'Retry-After'),
}

const READS = {
  400: 'InvalidRequest',
  401: 'NoValidToken',
  403: 'Forbidden',
  404: 'NotFound',
  412: 'ChangedMeanwhile',
  429: 'TooManyRequests',
  500: 'ServerError',
  503: 'TemporarilyUnavailable',
}

const CHANGES = { ...READS, 408: 'TooSlow', 409: 'Conflict', 413: 'TooLarge', 415: 'UnsupportedMediaType' }

/** Refusals of an operation. */
export function refusalsOf(method: string, path: string, takesKey = false): Record<string, ApiAnswer> {
  const names = {
    ...(method === 'get' ? { 304: 'NotModified', ...READS } : CHANGES),
    ...(takesKey && { 422: 'KeyReused' }),
    ...(path.includes('{') && { 414: 'TooLong' }),
  }
  return Object.fromEntries(
    Object.entries(names).map(([status, name]) => [
      status,
      { $ref: `#/components/responses/${name}` } as unknown as ApiAnswer,
    ]),
  )
}

/** Headers of an answer that is no refusal. A change answers with an ETag where it shows what it has a version of. */
export function headersOf(
  status: string,
  { content = {} }: ApiAnswer,
  takesKey = false,
): Record<string, unknown> {
  return refer([
    'RateLimit-Limit',
    'RateLimit-Remaining',
    'RateLimit-Reset',
    ...('application/json' in content ? (['ETag'] as const) : []),
    ...(status === '201' ? (['Location'] as const) : []),
    ...(takesKey ? (['Idempotency-Replayed'] as const) : []),
  ])
}

/** Preconditions: every operation heeds them. */
export function parametersOf(method: string, takesKey = false): NonNullable<ApiOperation['parameters']> {
  const names = method === 'get' ? ['IfMatch', 'IfNoneMatchToRead'] : ['IfMatch', 'IfNoneMatch']
  if (takesKey) names.push('IdempotencyKey')
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }))
}

function refer(names: readonly (keyof typeof HEADERS)[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
