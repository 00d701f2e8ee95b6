/** What a resource server says of itself (RFC 9728 section 2). */
export interface ResourceMetadataOptions {
  /** The URL of the protected resource, which is also its audience: `https://api.example/mcp`. */
  readonly resource: string
  /** The issuers whose tokens it takes: `verifier.issuers`. */
  readonly issuers: readonly string[]
  /** The scopes that it asks for. Default: not said. */
  readonly scopes?: readonly string[]
  /** A name for people. Default: not said. */
  readonly name?: string
}

export interface ResourceMetadata {
  /** Where the document stands, for `resource_metadata` in challenges. */
  readonly url: string
  /** The path of that URL. */
  readonly path: string
  /** The document, as JSON. */
  readonly body: string
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/**
 * Makes the protected resource metadata of an API (RFC 9728). Give it to `fastifyVerifier` or `connectVerifier`, whose
 * challenges then name it, and serve it with `fastifyResourceMetadata` or `connectVerifier`.
 * @throws {TypeError} when `resource` is not an http(s) URL without query and fragment
 */
export function createResourceMetadata({
  resource,
  issuers,
  scopes,
  name,
}: ResourceMetadataOptions): ResourceMetadata {
  const url = URL.canParse(resource) ? new URL(resource) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.search || /[?#]/.test(resource) || url.username)
    throw new TypeError('resource is not an http(s) URL without query and fragment')
  // RFC 9728 section 3.1: the well-known part comes between host and path.
  const path = WELL_KNOWN + (url.pathname === '/' ? '' : url.pathname)
  const document = {
    resource,
    authorization_servers: issuers,
    bearer_methods_supported: ['header'],
    ...(scopes && { scopes_supported: scopes }),
    ...(name !== undefined && { resource_name: name }),
  }
  return { url: url.origin + path, path, body: JSON.stringify(document) }
}

/** The headers that serve the document. */
export const METADATA_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'public, max-age=3600',
  'access-control-allow-origin': '*',
}
