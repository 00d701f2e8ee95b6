import type { ErrorObject } from 'ajv'
import type { FastifyRequest } from 'fastify'
import { KID_PATTERN } from '../../domain/client-key.ts'
import { CLAIM_SOURCES } from '../../domain/custom-claim.ts'
import { CLAIM_SOURCE_PATTERN, METADATA_KEY_PATTERN } from '../../domain/custom-claim-check.ts'
import { FOREIGN_KID_PATTERN } from '../../domain/foreign-key.ts'
import { GRANT_ROLE_PATTERN } from '../../domain/grant.ts'
import { RESOURCE_ID_PATTERN, RESOURCE_TYPE_PATTERN } from '../../domain/protected-resource.ts'
import { NEW_REALM_NAME_PATTERN } from '../../domain/realm.ts'
import { CLIENT_ID_PATTERN } from '../../domain/service-account.ts'

/** What is wrong with one member of a body, or one parameter. */
export interface Fault {
  readonly field?: string | undefined
  readonly detail: string
}

/** More would not be read. */
const MAX_FAULTS = 20

/** What a text of a pattern is. */
export const PATTERN_WORDS: Readonly<Record<string, string>> = {
  [CLIENT_ID_PATTERN]: '1 to 64 letters, digits and . _ ~ -',
  '^[a-z0-9-]{1,63}$': '1 to 63 lower-case letters, digits and hyphens',
  [GRANT_ROLE_PATTERN]: '1 to 63 ASCII characters without spaces',
  [NEW_REALM_NAME_PATTERN]: '1 to 63 lower-case letters, digits and hyphens, and not begin with -deleted-',
  [CLAIM_SOURCE_PATTERN]: `one of ${CLAIM_SOURCES.join(', ')}, or metadata.<key>`,
  [METADATA_KEY_PATTERN]: 'an object whose keys have 1 to 64 letters, digits and _ . : / -, a letter first',
  [RESOURCE_TYPE_PATTERN]: '1 to 63 lower-case letters, digits and . _ : -, a letter first',
  [RESOURCE_ID_PATTERN]: '1 to 100 letters, digits and . _ ~ : @ / + = -, a letter or digit first',
  [KID_PATTERN]: '1 to 128 ASCII characters without spaces',
  [FOREIGN_KID_PATTERN]: '1 to 200 letters, digits and . _ ~ : = + -',
  '^[\\x21-\\x7e]{1,100}$': '1 to 100 ASCII characters without spaces',
  '^[^\\u0000-\\u001f]{1,200}$': '1 to 200 characters, none of them a control character',
  '^[^\\u0000-\\u001f]{1,500}$': '1 to 500 characters, none of them a control character',
  '^[A-Za-z0-9_-]{1,1000}$': 'the next_cursor of the page before',
  '^[1-9][0-9]{0,17}$': 'a number, as the realm_id of an event',
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

interface Schema {
  readonly type?: string | readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

/** The first fault of each member, in words. */
export function faultsOf(errors: readonly ErrorObject[], part: string, request: FastifyRequest): Fault[] {
  const found = new Map<string, Fault>()
  for (const error of errors) {
    const field = fieldOf(error)
    // The faults of each choice say less than all choices.
    if (error.keyword === 'anyOf')
      for (const other of found.keys()) if (isAtOrBelow(other, field)) found.delete(other)
    if (found.has(field ?? '') || found.size === MAX_FAULTS) continue
    const isQuery = part === 'querystring'
    const said = isQuery ? describeInQuery(error, request) : describe(error)
    const hint = isQuery && hasLostPlus(request, field) ? ' Write a + in an address as %2B.' : ''
    found.set(field ?? '', { field, detail: `${field ?? `The ${part}`} ${said}.${hint}` })
  }
  return [...found.values()]
}

function isAtOrBelow(field: string, other = ''): boolean {
  return field === other || field.startsWith(`${other}.`)
}

function fieldOf({ instancePath, params }: ErrorObject): string | undefined {
  const own: unknown = params['additionalProperty'] ?? params['missingProperty']
  const parents = instancePath.split('/').slice(1)
  return (typeof own === 'string' ? [...parents, own] : parents).join('.').slice(0, 200) || undefined
}

function describe({ keyword, params, parentSchema, message = 'is not valid' }: ErrorObject): string {
  const schema = parentSchema as Schema
  if (keyword === 'required') return 'is missing'
  if (keyword === 'additionalProperties') return 'is not a known member'
  if (keyword === 'type') return `must be ${typesOf(schema)}`
  if (keyword === 'anyOf') return `must be ${(schema.anyOf ?? []).map(typesOf).join(' or ')}`
  if (keyword === 'enum') return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
  if (keyword === 'format') return 'must be a date-time of RFC 3339, such as 2026-11-25T12:00:00Z'
  if (keyword === 'pattern')
    return `must be ${PATTERN_WORDS[params['pattern'] as string] ?? 'of another form'}`
  if (/^(?:min|max)imum$/.test(keyword)) return `must be ${range(schema.minimum, schema.maximum)}`
  if (/^(?:min|max)Length$/.test(keyword))
    return `must have ${range(schema.minLength, schema.maxLength)} characters`
  if (/^(?:min|max)Items$/.test(keyword)) return `must have ${range(schema.minItems, schema.maxItems)} items`
  return message
}

function typesOf({ type = [] }: Schema): string {
  return [type]
    .flat()
    .map((one) => TYPE_WORDS[one] ?? one)
    .join(' or ')
}

function range(min: number | undefined, max: number | undefined): string {
  if (max === undefined) return `${min} or more`
  return min === undefined ? `at most ${max}` : `${min} to ${max}`
}

function describeInQuery(error: ErrorObject, request: FastifyRequest): string {
  return error.keyword === 'additionalProperties'
    ? describeUnknownParameter(request, String(error.params['additionalProperty']))
    : describe(error)
}

function describeUnknownParameter({ routeOptions: { schema } }: FastifyRequest, name: string): string {
  const { properties = {} } = (schema?.querystring ?? {}) as { properties?: object }
  const known = Object.keys(properties)
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, '')
  const meant = known.find((one) => plain(one) === plain(name))
  if (meant !== undefined) return `is not a known parameter: write ${meant}`
  return `is not a known parameter: ${known.length === 0 ? 'there are none here' : `use ${known.join(', ')}`}`
}

// In a query, + means a space.
function hasLostPlus({ query }: FastifyRequest, field: string | undefined): boolean {
  return /:\d\d(?:\.\d+)? \d\d:?\d\d$/.test(String((query as Record<string, unknown>)[field ?? '']))
}
