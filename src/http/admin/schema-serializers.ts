import build from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'

type Serialize = (data: unknown) => string

const compiled = new WeakMap<object, Serialize>()

/** Serializes answers. Compiled on first use, once a schema: routes share schemas, and few are used in a process. */
export const schemaSerializers: FastifySerializerCompiler<object> =
  ({ schema }) =>
  (data) => {
    const serialize = compiled.get(schema) ?? (build(schema) as Serialize)
    compiled.set(schema, serialize)
    return serialize(data)
  }
