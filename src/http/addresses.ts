const METADATA = '/.well-known/oauth-authorization-server'

/**
 * Rewrites a request's URL to the one that routes know: without the path of PUBLIC_URL, if the proxy did not remove it.
 * For OAuth endpoints, also without doubled and trailing slashes, since clients join URLs from parts.
 */
export function addressReader(publicUrl: string): (request: { readonly url?: string | undefined }) => string {
  const base = new URL(publicUrl).pathname.replace(/\/$/, '')
  return ({ url = '/' }) => withSingleSlashes(base === '' ? url : withoutBase(url, base))
}

function withoutBase(url: string, base: string): string {
  if (url === base) return '/'
  if (url.startsWith(`${base}/`)) return url.slice(base.length)
  // RFC 8414 section 3.1 inserts the well-known part before the path.
  return url.startsWith(`${METADATA}${base}/`) ? METADATA + url.slice(METADATA.length + base.length) : url
}

function withSingleSlashes(url: string): string {
  if (!/\/\/|\/(\?|$)/.test(url)) return url
  const end = url.indexOf('?')
  const [path, query] = end < 0 ? [url, ''] : [url.slice(0, end), url.slice(end)]
  const meant = path.replace(/\/{2,}/g, '/')
  return /^\/(realms|\.well-known)\//.test(meant) ? meant.replace(/\/$/, '') + query : url
}
