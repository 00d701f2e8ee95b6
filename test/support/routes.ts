import type { TestServer } from './server.ts'

export interface Route {
  /** With its parameters still in it. */
  readonly path: string
  readonly methods: readonly string[]
}

/** All routes that the server has. */
export async function routesOf({ app }: Pick<TestServer, 'app'>): Promise<Route[]> {
  const parents: string[] = []
  return (await app.ready())
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent, part, methods] = /^([│ ]*)[├└]── (\S+)(?: \((.*)\))?/.exec(line) ?? []
      if (indent === undefined || part === undefined) return []
      const depth = indent.length / 4
      parents.splice(depth, parents.length, `${parents[depth - 1] ?? ''}${part === '*' ? '/nothing' : part}`)
      return methods ? [{ path: parents[depth] as string, methods: methods.split(', ') }] : []
    })
}
