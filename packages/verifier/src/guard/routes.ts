import { type Demand, DemandError, readDemand } from './demand.ts'

/** A part of the protected API and what it demands, as the configuration file says it. */
export interface Route {
  /** Holds for this path and all below it. */
  readonly path: string
  readonly demand: Demand
}

const PREFIX = '/check'
const MAX_REMEMBERED = 1000
const MAX_REMEMBERED_LENGTH = 512

/**
 * What a request to the guard demands. With routes, the path below `/check` decides and the query is not read: some
 * proxies pass on the caller's own. Without, the query decides.
 */
export function createDemandReader(routes: readonly Route[] | undefined): (url: string) => Demand {
  const longestFirst = routes?.toSorted((a, b) => b.path.length - a.path.length)
  const read = longestFirst
    ? (url: string) => findRoute(longestFirst, pathOf(url))
    : (url: string) => readDemand(new URLSearchParams(queryOf(url)))
  const remembered = new Map<string, Demand>()
  return (url) => {
    const known = remembered.get(url)
    if (known) return known
    const demand = read(url)
    if (url.length > MAX_REMEMBERED_LENGTH) return demand
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(url, demand)
    return demand
  }
}

export function isCheck(url: string): boolean {
  return url === PREFIX || url.startsWith(`${PREFIX}/`) || url.startsWith(`${PREFIX}?`)
}

function queryOf(url: string): string {
  const at = url.indexOf('?')
  return at === -1 ? '' : url.slice(at + 1)
}

// What the API behind may read as another path than we do is refused.
function pathOf(url: string): string {
  const raw = (url.split('?', 1)[0] as string).slice(PREFIX.length) || '/'
  if (/%2f|%5c|\\|%25|\/\/|%00/i.test(raw)) throw new DemandError('the path can be read in two ways')
  const path = decode(raw)
  if (/(^|\/)\.{1,2}(\/|$)/.test(path) || path.includes(';'))
    throw new DemandError('the path can be read in two ways')
  return path
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw new DemandError('the path cannot be decoded')
  }
}

function findRoute(routes: readonly Route[], path: string): Demand {
  for (const route of routes) {
    const base = route.path.replace(/\/$/, '')
    if (path === base || path.startsWith(`${base}/`)) return route.demand
  }
  throw new DemandError('no route is configured for this path')
}
