export interface Credentials {
  readonly client_id: string
  readonly client_secret: string
}

/** Asks a running server for a token. */
export function requestToken(
  url: string,
  realm: string,
  credentials: Credentials,
  resource?: string,
): Promise<Response> {
  const { client_id, client_secret } = credentials
  return fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id,
      client_secret,
      ...(resource && { resource }),
    }),
  })
}
