import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'
import type { Test } from 'tap'

export interface TestIdentityProvider {
  readonly issuer: string
  /** What it says of whoever signs in; a claim that is not there is not told. */
  claims: Record<string, unknown>
  /** Who signs in. */
  login: string
  /** What happens while it is asked for claims. */
  meanwhile: () => Promise<void>
  /** What happens once a refresh token was renewed. */
  afterRefresh: () => void
  /** Ends all access tokens. */
  endAccessTokens(): void
  /** Ends the refresh tokens as well. */
  endGrants(): void
  /** Refuses connections until the returned function is called. */
  goAway(): Promise<() => Promise<void>>
  /** How often refresh tokens were asked to be renewed. */
  readonly refreshes: () => number
  /** Refresh tokens that were revoked. */
  readonly revoked: readonly string[]
  /** Signs in. Returns the address it sends the browser back to. */
  signIn(authorizationUrl: string): Promise<string>
}

export const CLIENT_ID = 'mintmark-portal'
export const CLIENT_SECRET = 'a secret of the portal'

export interface ProviderOptions {
  readonly redirectUri: string | ((port: number) => string)
  /** Without it, claims are in the ID token. */
  readonly userInfo?: boolean
  readonly refreshTokens?: boolean
  readonly publicClient?: boolean
  /** Whether the token endpoint tells how long an access token is good for. */
  readonly expiresIn?: boolean
}

/** How long its tokens are good for. */
export const ACCESS_TOKEN_SECONDS = 300
export const ID_TOKEN_SECONDS = 600

/** A certified OpenID provider (oidc-provider) of the test's own. */
export async function identityProvider(t: Test, options: ProviderOptions): Promise<TestIdentityProvider> {
  const server = createServer()
  await listen(server, 0)
  const { port } = server.address() as AddressInfo
  const issuer = `http://localhost:${port}`
  const state: State = {
    claims: {},
    login: 'alice',
    meanwhile: async () => {},
    afterRefresh: () => {},
  }
  const { redirectUri } = options
  const registered = typeof redirectUri === 'string' ? redirectUri : redirectUri(port)
  const provider = new Provider(
    issuer,
    configuration({ ...options, redirectUri: registered }, async () => {
      await state.meanwhile()
      return state.claims
    }),
  )
  let refreshes = 0
  const revoked: string[] = []
  provider.use(async (context, next) => {
    await next()
    const { route, params } = (context['oidc'] ?? {}) as { route?: string; params?: Record<string, string> }
    if (route === 'token' && params?.['grant_type'] === 'refresh_token') {
      refreshes++
      state.afterRefresh()
    }
    if (route === 'revocation') revoked.push(params?.['token'] ?? '')
    if (options.expiresIn === false && context['oidc']?.route === 'token')
      delete (context.body as { expires_in?: number }).expires_in
  })
  const tokens = new Map<string, Set<string>>()
  const keep = (model: string) => {
    const kept = new Set<string>()
    tokens.set(model, kept)
    return ({ jti }: { jti: string }) => void kept.add(jti)
  }
  provider.on('access_token.saved', keep('AccessToken'))
  provider.on('refresh_token.saved', keep('RefreshToken'))
  server.on('request', provider.callback())
  t.teardown(() => server.close())
  const end = (model: 'AccessToken' | 'RefreshToken') => {
    for (const jti of tokens.get(model) ?? []) void provider[model].adapter.destroy(jti)
  }

  return Object.assign(state, {
    issuer,
    refreshes: () => refreshes,
    revoked,
    endAccessTokens: () => end('AccessToken'),
    endGrants: () => {
      end('AccessToken')
      end('RefreshToken')
    },
    goAway: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      return () => listen(server, port)
    },
    signIn: (url: string) => walk(url, state.login),
  })
}

type State = Pick<TestIdentityProvider, 'claims' | 'login' | 'meanwhile' | 'afterRefresh'>

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, 'localhost')
  await once(server, 'listening')
}

function configuration(
  {
    redirectUri,
    userInfo = true,
    refreshTokens = true,
    publicClient = false,
  }: ProviderOptions & { readonly redirectUri: string },
  claims: () => Promise<Record<string, unknown>>,
): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        ...(publicClient
          ? { token_endpoint_auth_method: 'none' as const }
          : { client_secret: CLIENT_SECRET }),
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    claims: { openid: ['sub', 'roles', 'realm_access'], profile: ['name'], email: ['email'] },
    ttl: { AccessToken: ACCESS_TOKEN_SECONDS, IdToken: ID_TOKEN_SECONDS },
    conformIdTokenClaims: userInfo,
    features: {
      devInteractions: { enabled: true },
      userinfo: { enabled: userInfo },
      revocation: { enabled: true },
    },
    // Each refresh token is good for one use; a second one ends the grant.
    rotateRefreshToken: true,
    cookies: { keys: ['a key of the test'] },
    issueRefreshToken: async () => refreshTokens,
    findAccount: async (_context, accountId) => ({
      accountId,
      claims: async () => ({ sub: accountId, ...(await claims()) }),
    }),
  }
}

/** What a person does in the provider's pages: a name, a password, consent. */
async function walk(authorizationUrl: string, login: string): Promise<string> {
  const cookies = new Map<string, string>()
  let url = authorizationUrl
  let body: URLSearchParams | undefined
  for (let step = 0; step < 20; step++) {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body && { method: 'POST', body }),
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
    }
    const location = answer.headers.get('location')
    const page = await answer.text()
    if (location) {
      url = new URL(location, url).href
      body = undefined
      if (!url.startsWith('http://localhost')) return url
      continue
    }
    const [, action] = /<form[^>]*action="([^"]+)"/.exec(page) ?? []
    const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? []
    if (!action || !prompt) throw new Error(`the provider says ${answer.status}: ${page.slice(0, 500)}`)
    url = new URL(action, url).href
    body = new URLSearchParams({ prompt, ...(prompt === 'login' && { login, password: 'x' }) })
  }
  throw new Error('the provider goes round in circles')
}
