import { type Credential, checkCredential } from './credential.ts'

/** Options of `createTokenSource`. Durations are in seconds. */
export interface TokenSourceOptions {
  /** The realm's issuer: `https://auth.example/realms/acme`. */
  readonly issuer: string
  readonly credential: Credential
  /** The API that the token is for (RFC 8707); several make a token for all of them. Default: the realm's own. */
  readonly resource?: string | readonly string[]
  /** Scopes, separated by spaces. Default: all that the account may have. */
  readonly scope?: string
  /** Default: `/protocol/openid-connect/token` below the issuer. */
  readonly tokenEndpoint?: string
  /** Allows plain HTTP to another machine, which shows the secret to the network. Default false. */
  readonly allowInsecureHttp?: boolean
  /** How long a token request may take. Default 10. */
  readonly timeoutSeconds?: number
  /** The clock: milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
  /** A number from 0 to 1 that spreads renewals. Default `Math.random`. */
  readonly random?: () => number
}

export interface TokenSourceSettings {
  readonly issuer: string
  readonly endpoint: string
  readonly credential: Credential
  readonly scope: string | undefined
  readonly resources: readonly string[]
  readonly timeoutSeconds: number
  readonly now: () => number
  readonly random: () => number
}

/** @throws TypeError, naming the option */
export function readOptions(options: TokenSourceOptions): TokenSourceSettings {
  const { issuer, credential, resource = [], scope, timeoutSeconds = 10 } = options
  checkCredential(credential)
  if (!(timeoutSeconds > 0 && timeoutSeconds <= 300))
    throw new TypeError('timeoutSeconds is not a number up to 300')
  const endpoint = options.tokenEndpoint ?? `${issuer}/protocol/openid-connect/token`
  checkUrl(endpoint, options.allowInsecureHttp ?? false)
  return {
    issuer,
    endpoint,
    credential,
    scope,
    resources: typeof resource === 'string' ? [resource] : resource,
    timeoutSeconds,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
  }
}

function checkUrl(value: string, allowInsecureHttp: boolean): void {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw new TypeError('issuer is not an http(s) URL')
  const local =
    url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname)
  if (url.protocol === 'http:' && !local && !allowInsecureHttp)
    throw new TypeError(`${value} is plain HTTP; use https, or set allowInsecureHttp`)
}
