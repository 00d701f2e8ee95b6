import type { FastifyInstance } from 'fastify'
import { Refusal } from '../../domain/refusal.ts'
import { fieldsOf } from './form-fields.ts'

/** PostgreSQL refuses U+0000. No keyboard types it. */
export function refuseNul(app: FastifyInstance): void {
  app.addHook('preHandler', async (request) => {
    const { params, query } = request
    if (hasNul(params)) throw new Refusal('not_found', 'There is no such page.')
    if (hasNul(query) || fieldsOf(request).values().some(isNulIn))
      throw new Refusal('invalid', 'The address or the form has a character that is not allowed in text.')
  })
}

function hasNul(values: unknown): boolean {
  return Object.values(values as Record<string, string | string[]>)
    .flat()
    .some(isNulIn)
}

function isNulIn(text: string): boolean {
  return text.includes('\0')
}
