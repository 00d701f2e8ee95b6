import type { FastifyRequest } from 'fastify'

export type Params = Readonly<Record<string, string>>

export type Query = Readonly<Record<string, string | string[] | undefined>>

/** What a screen gets of a request. */
export interface Asked {
  readonly params: Params
  /** Last value of each name. */
  query(name: string): string
  queryAll(name: string): readonly string[]
  /** Aborts when the browser no longer waits for the page. */
  readonly signal: AbortSignal
}

export function asked(request: FastifyRequest<{ Params: Params; Querystring: Query }>): Asked {
  const queryAll = (name: string) => [request.query[name] ?? []].flat()
  return {
    params: request.params,
    query: (name) => queryAll(name).at(-1) ?? '',
    queryAll,
    get signal() {
      return request.signal
    },
  }
}
