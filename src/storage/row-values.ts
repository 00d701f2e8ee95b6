import pg from 'pg'

/** PostgreSQL sent a value in an unexpected form. It is never read as an absent value. */
export class UnreadableValueError extends Error {
  override readonly name = 'UnreadableValueError'
}

/** OIDs of PostgreSQL's types and the text format of each. pg itself reads other texts as null, false or NaN. */
const FORMS: Record<number, RegExp> = {
  // boolean
  16: /^[tf]$/,
  // bytea, in either output format
  17: /^(\\x([0-9a-f]{2})*$|(?!\\x))/,
  // bigint, smallint, integer
  20: /^-?\d+$/,
  21: /^-?\d+$/,
  23: /^-?\d+$/,
  // integer[]
  1007: /^\{[-\d,]*\}$/,
  // text[]
  1009: /^\{.*\}$/s,
  // timestamptz, with DateStyle ISO
  1184: /^(\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}( BC)?|-?infinity)$/,
}

const TEXT = 25

type Parse = (text: string) => unknown

const parsers = new Map<number, Parse>()

/** Parsers for pg that throw on an unexpected text. */
export const rowTypes: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format === 'binary' || oid === TEXT) return pg.types.getTypeParser(oid, format as 'text')
    const parser = parsers.get(oid) ?? strictParser(oid)
    parsers.set(oid, parser)
    return parser
  },
}

function strictParser(oid: number): Parse {
  const parse = pg.types.getTypeParser(oid) as Parse
  const form = FORMS[oid]
  return (text) => {
    const value = form && !form.test(text) ? undefined : parse(text)
    if (
      value === undefined ||
      value === null ||
      Number.isNaN(value instanceof Date ? value.getTime() : value)
    )
      throw new UnreadableValueError(`PostgreSQL sent a value of type ${oid} in an unexpected form`)
    return value
  }
}
