import { ALGORITHMS, type RevocationCheck, type VerifierOptions } from './options.ts'
import { PROFILES, type TokenProfile } from './profile.ts'

export interface VerifierSettings {
  readonly rememberTokens: number
  readonly issuer: string
  readonly audiences: readonly string[]
  /** In lower case. */
  readonly tokenType: string
  readonly profile: TokenProfile
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
  profile: true,
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

/** Default, least and most of the options that are numbers. */
const NUMBERS = {
  clockToleranceSeconds: [5, 0, 60],
  maxTokenBytes: [65_536, 1024, 1_048_576],
  timeoutSeconds: [5, 0.1, 60],
  keysMaxAgeSeconds: [300, 5, 86_400],
  keysCooldownSeconds: [5, 1, 3600],
  keepKeysWhileUnreachableSeconds: [600, 0, 86_400],
  rememberTokens: [0, 0, 1_000_000],
  introspectionMaxAgeSeconds: [0, 0, 300],
} as const

/** Checks all options. Throws TypeError, naming the option. */
export function readOptions(options: VerifierOptions): VerifierSettings {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(NAMES, name)) throw new TypeError(`${name} is not an option`)
  }
  const { issuer, reachIssuerAt, allowInsecureHttp, requireStatus, introspection, now } = options
  const profile = readProfile(options.profile)
  const number = (name: keyof typeof NUMBERS) => readNumber(name, options[name], NUMBERS[name])
  return {
    issuer: readUrl('issuer', issuer),
    audiences: readAudiences(options.audience),
    tokenType: readTokenType(options.tokenType ?? (profile === 'keycloak' ? 'JWT' : undefined)),
    profile,
    algorithms: readAlgorithms(options.algorithms),
    clockToleranceSeconds: number('clockToleranceSeconds'),
    maxTokenBytes: number('maxTokenBytes'),
    fetchBase: readFetchBase(
      reachIssuerAt ?? issuer,
      readBoolean('allowInsecureHttp', allowInsecureHttp, false),
    ),
    timeoutSeconds: number('timeoutSeconds'),
    keysMaxAgeSeconds: number('keysMaxAgeSeconds'),
    keysCooldownSeconds: number('keysCooldownSeconds'),
    keepKeysWhileUnreachableSeconds: number('keepKeysWhileUnreachableSeconds'),
    acceptWhenUnavailableSeconds: readPolicy(options.whenStatusUnavailable),
    requireStatus: readBoolean('requireStatus', requireStatus, true),
    check: readCheck(options.check, introspection),
    rememberTokens: number('rememberTokens'),
    introspectionMaxAgeSeconds: number('introspectionMaxAgeSeconds'),
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

function readProfile(value: unknown): TokenProfile {
  if (value === undefined) return 'rfc9068'
  if (!PROFILES.includes(value as TokenProfile))
    throw new TypeError(`profile is neither ${PROFILES.join(' nor ')}`)
  return value as TokenProfile
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
  return readNumber('whenStatusUnavailable.acceptForSeconds', value.acceptForSeconds, [0, 1, 86_400])
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

function readNumber(
  name: string,
  value: unknown,
  [fallback, least, most]: readonly [number, number, number],
): number {
  if (value === undefined) return fallback
  if (typeof value !== 'number' || !(value >= least && value <= most))
    throw new TypeError(`${name} is not a number from ${least} to ${most}`)
  return value
}
