import type { Show } from './visit.ts'

interface FoundPage {
  readonly show: Show
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
}

/** Pages by their addresses, so that a form that was refused can be shown again where it was. */
export interface PageRegistry {
  add(path: string, show: Show): void
  find(address: string): FoundPage | undefined
}

export function pageRegistry(): PageRegistry {
  const pages: { readonly path: RegExp; readonly names: readonly string[]; readonly show: Show }[] = []
  return {
    add(path, show) {
      const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as string)
      const pattern = path.replaceAll(/:\w+/g, '([^/]+)')
      // As the router does: a fixed part of a path goes before a parameter.
      const at = names.length === 0 ? 0 : pages.findIndex((page) => page.names.length > names.length)
      pages.splice(at === -1 ? pages.length : at, 0, { path: new RegExp(`^${pattern}$`), names, show })
    },

    find(address) {
      if (!URL.canParse(address, 'http://portal')) return undefined
      const { pathname, searchParams: query } = new URL(address, 'http://portal')
      for (const { path, names, show } of pages) {
        const values = path.exec(pathname)?.slice(1).map(decoded)
        if (!values || values.includes(undefined)) continue
        const params = Object.fromEntries(names.map((name, at) => [name, values[at] as string]))
        return { show, params, query }
      }
      return undefined
    },
  }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
