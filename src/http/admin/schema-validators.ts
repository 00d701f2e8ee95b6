import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

const LENGTHS: readonly [string, (length: number, bound: number) => boolean][] = [
  ['minLength', (length, bound) => length >= bound],
  ['maxLength', (length, bound) => length <= bound],
]

const STRICT = { strict: true, allowUnionTypes: true, verbose: true } as const

// Shared by all servers of the process, so that each schema is compiled once.
const first = createAjv(STRICT)
const all = createAjv({ ...STRICT, allErrors: true })

/** Validates requests as they are: no coercion, removal or defaults. */
export function schemaValidators(): FastifySchemaCompiler<object> {
  return ({ schema, httpPart }) => {
    const numbers = httpPart === 'querystring' ? numbersOf(schema as QuerySchema) : []
    // Compiled on first use: dozens of schemas would take a tenth of each start.
    let isValid: ValidateFunction | undefined
    const check = Object.assign(
      (data: Record<string, unknown>) => {
        isValid ??= first.compile(schema as object)
        readNumbers(numbers, data)
        const good = isValid(data)
        check.errors = good ? null : faultsIn(data, isValid.errors ?? [], () => all.compile(schema as object))
        return good
      },
      { errors: null as ErrorObject[] | null },
    )
    return check
  }
}

/** A list beyond its bound is one fault: looking at each of its items could take long. */
function faultsIn(data: unknown, first: ErrorObject[], compile: () => ValidateFunction): ErrorObject[] {
  if (first[0]?.keyword === 'maxItems') return first
  const validate = compile()
  validate(data)
  return validate.errors ?? first
}

function createAjv(options: Options): Ajv {
  const ajv = new Ajv(options)
  formats.default(ajv)
  for (const [keyword, holds] of LENGTHS) {
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      keyword,
      type: 'string',
      schemaType: 'number',
      validate: (bound: number, text: string) => holds(storedLength(text), bound),
    })
  }
  return ajv
}

// Names are stored trimmed and composed, and these bounds are those of what is stored.
function storedLength(text: string): number {
  return [...text.normalize('NFC').trim()].length
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
