/**
 * The address that an OAuth client means by one with doubled slashes or a slash at its end, as URLs that were put together
 * from parts have. All other addresses, and the query, stay as they are.
 */
export function withSingleSlashes({ url = '/' }: { readonly url?: string | undefined }): string {
  if (!/\/\/|\/(\?|$)/.test(url)) return url
  const end = url.indexOf('?')
  const [path, query] = end < 0 ? [url, ''] : [url.slice(0, end), url.slice(end)]
  const meant = path.replace(/\/{2,}/g, '/')
  return /^\/(realms|\.well-known)\//.test(meant) ? meant.replace(/\/$/, '') + query : url
}
