import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { FilePath } from '../../domain/realm-file-fault.ts'
import type { FileFaults, Place } from './file-faults.ts'
import { LISTS, type ListName, RealmFile } from './realm-file-schema.ts'

interface Checks {
  readonly file: ValidateFunction
  readonly lists: Readonly<Record<ListName, ValidateFunction>>
}

let compiled: Checks | undefined

/** Compiled on first use: a server without a realm file needs none of it. */
function checks(): Checks {
  if (compiled) return compiled
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true, verbose: true })
  formats.default(ajv)
  const lists = Object.entries(LISTS).map(([name, schema]) => [name, ajv.compile(schema)])
  compiled = { file: ajv.compile(RealmFile), lists: Object.fromEntries(lists) }
  return compiled
}

/** Checks the shape of a document. @returns whether it is good */
export function checkDocument(value: unknown, faults: FileFaults, place: Place): value is RealmFile {
  return check(checks().file, value, { faults, place, at: [] })
}

/** Checks the shape of one entry of a list. */
export function checkEntry(
  value: unknown,
  [list, index]: readonly [ListName, number],
  faults: FileFaults,
  place: Place,
): boolean {
  return check(checks().lists[list], value, { faults, place, at: [list, index] })
}

function check(
  validate: ValidateFunction,
  value: unknown,
  { faults, place, at }: { readonly faults: FileFaults; readonly place: Place; readonly at: FilePath },
): boolean {
  if (validate(value)) return true
  for (const error of validate.errors ?? [])
    faults.add(place, [...at, ...stepsOf(error)], { detail: explain(error) })
  return false
}

function stepsOf({ instancePath, keyword, params }: ErrorObject): FilePath {
  const steps = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  if (keyword === 'additionalProperties') return [...steps, params['additionalProperty']]
  return keyword === 'required' ? [...steps, params['missingProperty']] : steps
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'members with values',
  null: 'null',
}

/** Never repeats the value: it may be a secret in the wrong place. */
function explain({ keyword, params, parentSchema, data }: ErrorObject): string {
  switch (keyword) {
    case 'additionalProperties': {
      const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {})
      return `There is no such member: it may be ${known.join(', ')}.`
    }
    case 'required':
      return 'It is missing.'
    case 'type': {
      const types = [params['type']].flat().map((type: string) => TYPES[type] ?? type)
      const isPlain = typeof data === 'number' || typeof data === 'boolean'
      const quoted = types.includes('a text') && isPlain ? ' Write it in quotes.' : ''
      return `It must be ${types.join(' or ')}.${quoted}`
    }
    case 'enum':
      return `It must be one of ${(params['allowedValues'] as unknown[]).map((one) => one ?? 'null').join(', ')}.`
    case 'format':
      return 'It must be a time with its zone, like 2026-11-25T12:00:00Z.'
    default:
      return 'It must be 1 to 63 lower-case letters, digits and hyphens.'
  }
}
