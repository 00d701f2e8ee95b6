import type { FastifyInstance } from 'fastify'

type Scope = (app: FastifyInstance) => Promise<void>

/** A scope with a name. Without one, the framework looks through all loaded modules for it, which slows the start. */
export function scope(name: string, register: Scope): Scope {
  return Object.assign(register, { [Symbol.for('fastify.display-name')]: name })
}
