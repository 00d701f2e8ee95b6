import { type TSchema, Type } from '../../wire/json-schema.ts'

/** A date-time in an answer. */
export const Moment = Type.Unsafe<Date>({ type: 'string', format: 'date-time' })

/** A date-time, or null for never. */
export const MaybeMoment = Type.Unsafe<Date | null>({ type: ['string', 'null'], format: 'date-time' })

export const MaybeText = Type.Unsafe<string | null>({ type: ['string', 'null'] })

/** In answers to changes. */
export const Warnings = Type.Optional(
  Type.Array(Type.String(), {
    description: 'In the answer to a change: hints for people, such as a claim that tokens cannot have',
  }),
)

/** An object without additional members. */
export const Closed = { additionalProperties: false }

/** A component of the OpenAPI document, under that name. */
export function named<T extends TSchema>(title: string, schema: T): T {
  return Object.assign(schema, { title })
}

export const InRealm = Type.Object({
  realm: Type.String({ pattern: '^[a-z0-9-]{1,63}$', description: 'Name of the realm' }),
})

/** A name in a path: a client_id, a kid, the id of a secret. */
export const PathName = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9._~-]{1,100}$', description })

export const OfAccount = Type.Object({
  ...InRealm.properties,
  client_id: PathName('client_id of the service account'),
})

/** Search text of a list. */
export const SearchText = Type.String({ pattern: '^[^\\u0000-\\u001f]{1,200}$' })

export const DEFAULT_LIMIT = 100

/** Query parameters of every list. */
export const PageQuery = {
  cursor: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{1,1000}$', description: 'The next_cursor of the page before' }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: DEFAULT_LIMIT, description: 'Items at most' }),
  ),
}

/** A page of a list. */
export function pageOf<T extends TSchema>(item: T) {
  const page = Type.Object({
    items: Type.Array(item),
    next_cursor: Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description:
        'Where the next page begins; null: this is the last one. A search reads a bounded number of rows for a page, so a page may have few items, or none, and still a next page',
    }),
  })
  return named(`${titleOf(item)}Page`, page)
}

/** A list that is answered whole. */
export function listOf<T extends TSchema>(item: T) {
  return named(`${titleOf(item)}List`, Type.Object({ items: Type.Array(item), next_cursor: Type.Null() }))
}

function titleOf(schema: TSchema): string {
  return (schema as { title?: string }).title ?? ''
}
