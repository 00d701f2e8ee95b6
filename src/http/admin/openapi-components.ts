import { exampleOf } from './openapi-examples.ts'
import type { JsonSchema } from './openapi-types.ts'

/** Replaces each schema that has a title by a reference. Returns those schemas by title, each with an example. */
export function nameSchemas(roots: object): Record<string, JsonSchema> {
  const named = new Map<string, JsonSchema>()
  visit(roots, named)
  const sorted = [...named].sort(([a], [b]) => (a < b ? -1 : 1))
  const schemas = Object.fromEntries(sorted)
  for (const [, schema] of sorted)
    if (schema.type === 'object') schema.examples ??= [exampleOf(schema, schemas)]
  return schemas
}

function visit(value: unknown, named: Map<string, JsonSchema>): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    visit(member, named)
    if (typeof member === 'object' && member !== null) {
      typeEnum(member as JsonSchema)
      const { title } = member as JsonSchema
      // The member of a Problem that is called title is a schema, not a text.
      if (typeof title === 'string') Object.assign(value, { [key]: referTo(title, member, named) })
    }
  }
}

function referTo(title: string, schema: JsonSchema, named: Map<string, JsonSchema>): JsonSchema {
  const { title: _, ...content } = schema
  const known = named.get(title)
  if (known && JSON.stringify(known) !== JSON.stringify(content))
    throw new Error(`two schemas of the admin API are called ${title}`)
  named.set(title, content)
  return { $ref: `#/components/schemas/${title}` }
}

// Generators make no type of an enum without one.
function typeEnum(schema: JsonSchema): void {
  if (!Array.isArray(schema.enum) || schema.type !== undefined) return
  const types = [...new Set(schema.enum.map((one) => (one === null ? 'null' : typeof one)))]
  schema.type = types.length === 1 ? (types[0] as string) : types
}
