/** The algorithms a verifier can be told to accept; symmetric ones and `none` are not among them. */
export const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const

/** How a verifier learns that a token was revoked. */
export type RevocationCheck = 'status-list' | 'introspect'

export type Algorithm = (typeof ALGORITHMS)[number]

/** Options of `createVerifier`. Durations are in seconds. */
export interface VerifierOptions {
  /** The realm's issuer, exactly as in `iss`: `https://auth.example/realms/acme`. */
  readonly issuer: string
  /** What this resource server is called in `aud`. With several, a token for any of them is accepted. */
  readonly audience: string | readonly string[]
  /** The `typ` of access tokens: what the realm's `token_type_header` says. Default `at+jwt`. */
  readonly tokenType?: 'at+jwt' | 'JWT'
  /** Accepted `alg` values. Default: all of `ALGORITHMS`; each key is still good for its own algorithm only. */
  readonly algorithms?: readonly Algorithm[]
  /** Seconds after `exp` in which a token still counts. Default 5, at most 60. `iat` and `nbf` may be 60 seconds ahead. */
  readonly clockToleranceSeconds?: number
  /** Tokens longer than this are refused unread. Default 65536. */
  readonly maxTokenBytes?: number
  /**
   * Where this process reaches the issuer, when that is not at the issuer's own URL (a container network, say).
   * Keys, status lists and introspection are then asked for below this base. Default: `issuer`.
   */
  readonly reachIssuerAt?: string
  /** Allows plain HTTP to a host other than this one. Whoever can change that traffic can forge tokens. Default false. */
  readonly allowInsecureHttp?: boolean
  /** How long a request to the issuer may take. Default 5. */
  readonly timeoutSeconds?: number
  /**
   * The longest that keys are used without asking the issuer again, whatever `Cache-Control: max-age` says; also the
   * longest that a key which the issuer withdrew in an emergency is still accepted. Default 300.
   */
  readonly keysMaxAgeSeconds?: number
  /** The least time between two requests for keys that unknown `kid`s cause. Default 5. */
  readonly keysCooldownSeconds?: number
  /** How long, after they went stale, the last known keys are used while the issuer is out of reach. Default 600. */
  readonly keepKeysWhileUnreachableSeconds?: number
  /**
   * What happens to tokens while no valid status list can be had. `reject`, the default, fails closed: 503. With
   * `acceptForSeconds` they are accepted for that long after the last list went stale (or, if there never was one,
   * after the first attempt), save those which the last list had already named; then they are refused.
   */
  readonly whenStatusUnavailable?: 'reject' | { readonly acceptForSeconds: number }
  /**
   * Refuses tokens without a `status` claim, which would live until `exp` whatever becomes of their account.
   * Default true: Mintmark puts one into every token.
   */
  readonly requireStatus?: boolean
  /**
   * How `verify` learns that a token was revoked. `status-list`, the default, reads the realm's list, which is at most
   * its `ttl` old (10 s). `introspect` asks the issuer about each token, so a deletion counts at once; it needs
   * `introspection`. A single call can choose otherwise.
   */
  readonly check?: RevocationCheck
  /** How long an introspection answer is used again for the same token. Default 0: not at all. At most 300. */
  readonly introspectionMaxAgeSeconds?: number
  /**
   * How many tokens whose signature held are remembered, so that it is not computed again while they are presented. Their
   * times, key and revocation are looked at each time. Default 0; a proxy's guard sets 10000.
   */
  readonly rememberTokens?: number
  /** The service account that introspects: for `check: 'introspect'`, and for tokens whose permissions were left out. */
  readonly introspection?: { readonly clientId: string; readonly clientSecret: string }
  /** The clock: milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
}

export interface VerifierSettings {
  readonly rememberTokens: number
  readonly issuer: string
  readonly audiences: readonly string[]
  /** In lower case. */
  readonly tokenType: string
  readonly algorithms: ReadonlySet<string>
  readonly clockToleranceSeconds: number
  readonly maxTokenBytes: number
  readonly fetchBase: string
  readonly timeoutSeconds: number
  readonly keysMaxAgeSeconds: number
  readonly keysCooldownSeconds: number
  readonly keepKeysWhileUnreachableSeconds: number
  readonly acceptWhenUnavailableSeconds: number
  readonly requireStatus: boolean
  readonly check: RevocationCheck
  readonly introspectionMaxAgeSeconds: number
  readonly introspection: VerifierOptions['introspection']
  readonly now: () => number
}

const NAMES: Record<keyof VerifierOptions, true> = {
  issuer: true,
  audience: true,
  tokenType: true,
  algorithms: true,
  clockToleranceSeconds: true,
  maxTokenBytes: true,
  reachIssuerAt: true,
  allowInsecureHttp: true,
  timeoutSeconds: true,
  keysMaxAgeSeconds: true,
  keysCooldownSeconds: true,
  keepKeysWhileUnreachableSeconds: true,
  whenStatusUnavailable: true,
  requireStatus: true,
  check: true,
  rememberTokens: true,
  introspectionMaxAgeSeconds: true,
  introspection: true,
  now: true,
}

/** Checks the options whole. Throws TypeError, naming the option. */
export function readOptions(options: VerifierOptions): VerifierSettings {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name)) throw new TypeError(`${name} is not an option`)
  }
  const { issuer, reachIssuerAt, allowInsecureHttp, requireStatus, introspection, now } = options
  return {
    issuer: readUrl('issuer', issuer),
    audiences: readAudiences(options.audience),
    tokenType: readTokenType(options.tokenType),
    algorithms: readAlgorithms(options.algorithms),
    clockToleranceSeconds: readNumber('clockToleranceSeconds', options.clockToleranceSeconds, 5, 0, 60),
    maxTokenBytes: readNumber('maxTokenBytes', options.maxTokenBytes, 65_536, 1024, 1_048_576),
    fetchBase: readFetchBase(
      reachIssuerAt ?? issuer,
      readBoolean('allowInsecureHttp', allowInsecureHttp, false),
    ),
    timeoutSeconds: readNumber('timeoutSeconds', options.timeoutSeconds, 5, 0.1, 60),
    keysMaxAgeSeconds: readNumber('keysMaxAgeSeconds', options.keysMaxAgeSeconds, 300, 5, 86_400),
    keysCooldownSeconds: readNumber('keysCooldownSeconds', options.keysCooldownSeconds, 5, 1, 3600),
    keepKeysWhileUnreachableSeconds: readNumber(
      'keepKeysWhileUnreachableSeconds',
      options.keepKeysWhileUnreachableSeconds,
      600,
      0,
      86_400,
    ),
    acceptWhenUnavailableSeconds: readPolicy(options.whenStatusUnavailable),
    requireStatus: readBoolean('requireStatus', requireStatus, true),
    check: readCheck(options.check, introspection),
    rememberTokens: readNumber('rememberTokens', options.rememberTokens, 0, 0, 1_000_000),
    introspectionMaxAgeSeconds: readNumber(
      'introspectionMaxAgeSeconds',
      options.introspectionMaxAgeSeconds,
      0,
      0,
      300,
    ),
    introspection: readIntrospection(introspection),
    now: readClock(now),
  }
}

function readUrl(name: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new TypeError(`${name} is not an http(s) URL`)
  if (url.search || url.hash || url.username || (value as string).endsWith('/'))
    throw new TypeError(`${name} has a query, a fragment, a user name or a slash at its end`)
  // What is below it is compared as text.
  if (url.href !== value && url.href !== `${value}/`)
    throw new TypeError(`${name} must be written as ${url.href.replace(/\/$/, '')}`)
  return value as string
}

function readFetchBase(value: unknown, allowInsecureHttp: boolean): string {
  const base = readUrl('reachIssuerAt', value)
  const { protocol, hostname } = new URL(base)
  const local = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  if (protocol === 'http:' && !local && !allowInsecureHttp)
    throw new TypeError(`${base} is plain HTTP; use https, or set allowInsecureHttp`)
  return base
}

function readAudiences(value: unknown): readonly string[] {
  const audiences: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (audiences.length === 0 || !audiences.every((one) => typeof one === 'string' && one !== ''))
    throw new TypeError('audience is not a string or an array of strings')
  return [...(audiences as readonly string[])]
}

function readTokenType(value: unknown): string {
  if (value !== undefined && value !== 'at+jwt' && value !== 'JWT')
    throw new TypeError('tokenType is neither at+jwt nor JWT')
  return (value ?? 'at+jwt').toLowerCase()
}

function readAlgorithms(value: unknown): ReadonlySet<string> {
  const algorithms = value ?? ALGORITHMS
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw new TypeError('algorithms is not an array of algorithms')
  for (const one of algorithms) {
    if (!ALGORITHMS.includes(one))
      throw new TypeError(`algorithms: ${one} is none of ${ALGORITHMS.join(', ')}`)
  }
  return new Set(algorithms)
}

function readPolicy(value: unknown): number {
  if (value === undefined || value === 'reject') return 0
  if (typeof value !== 'object' || value === null || !('acceptForSeconds' in value))
    throw new TypeError("whenStatusUnavailable is neither 'reject' nor { acceptForSeconds }")
  return readNumber('whenStatusUnavailable.acceptForSeconds', value.acceptForSeconds, 0, 1, 86_400)
}

function readIntrospection(value: VerifierOptions['introspection']): VerifierOptions['introspection'] {
  if (value === undefined) return undefined
  const { clientId, clientSecret } = value
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string' || !clientId || !clientSecret)
    throw new TypeError('introspection needs clientId and clientSecret')
  return { clientId, clientSecret }
}

/** @throws TypeError also where it says `introspect` and no service account is given */
export function readCheck(value: unknown, introspection: VerifierOptions['introspection']): RevocationCheck {
  if (value === undefined || value === 'status-list') return 'status-list'
  if (value !== 'introspect') throw new TypeError("check is neither 'status-list' nor 'introspect'")
  if (introspection === undefined) throw new TypeError("check 'introspect' needs the option introspection")
  return value
}

function readClock(now: unknown): () => number {
  if (now === undefined) return Date.now
  if (typeof now !== 'function') throw new TypeError('now is not a function')
  return now as () => number
}

function readBoolean(name: string, value: unknown, fallback: boolean): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${name} is not a boolean`)
  return value ?? fallback
}

function readNumber(name: string, value: unknown, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw new TypeError(`${name} is not a number from ${least} to ${most}`)
  return value
}
