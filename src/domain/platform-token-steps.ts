import { ASSERTION_TOLERANCE_SECONDS, MAX_JTI_BYTES } from './client-assertion.ts'
import { platformAlgorithm } from './platform-algorithm.ts'
import { issuersNamedBy, type PlatformToken, type PlatformTokenFault } from './platform-token.ts'
import { isSpiffe, trustDomainOf } from './spiffe.ts'
import { MAX_PLATFORM_TOKEN_LIFETIME_SECONDS, type TrustedIssuer } from './trusted-issuer.ts'

/** What a token is checked against. */
export interface TokenCheck {
  readonly token: PlatformToken
  /** `undefined`: the realm does not trust it. */
  readonly issuer: TrustedIssuer | undefined
  /** Values of aud that it may have. */
  readonly audiences: readonly string[]
  readonly now: Date
}

/** One check, for the road of a token and for the explanation of it. */
export interface TokenStep {
  readonly step: string
  /** `undefined`: it holds. */
  readonly fault: (check: TokenCheck) => PlatformTokenFault | undefined
  readonly expected: (check: TokenCheck) => unknown
  readonly found: (check: TokenCheck) => unknown
}

/** Header members that make demands on the reader, or bring the sender's own key. */
const REFUSED_MEMBERS = ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'zip', 'enc'] as const

const TYPES: readonly unknown[] = [undefined, 'JWT', 'JOSE', 'client-authentication+jwt', 'at+jwt']

/** All that can be checked without a key, in order. */
export const TOKEN_STEPS: readonly TokenStep[] = [
  {
    step: 'issuer',
    fault: ({ issuer }) => {
      if (!issuer) return 'issuer_unknown'
      return issuer.enabled && issuer.ending !== 'delete' ? undefined : 'issuer_disabled'
    },
    expected: ({ issuer }) => issuer?.issuer ?? 'a trusted issuer of the realm',
    found: ({ token }) => issuersNamedBy(token)[0] ?? null,
  },
  {
    step: 'algorithm',
    fault: ({ token, issuer }) => {
      const algorithm = platformAlgorithm(token.header['alg'])
      return algorithm && (!issuer || issuer.algorithms.includes(algorithm)) ? undefined : 'algorithm'
    },
    expected: ({ issuer }) => issuer?.algorithms ?? 'an asymmetric algorithm',
    found: ({ token }) => token.header['alg'] ?? null,
  },
  {
    step: 'header',
    fault: ({ token: { header } }) => {
      const { kid } = header
      if (kid !== undefined && typeof kid !== 'string') return 'header'
      return REFUSED_MEMBERS.some((member) => member in header) ? 'header' : undefined
    },
    expected: () => `none of ${REFUSED_MEMBERS.join(', ')}, and kid a text if it is there`,
    found: ({ token }) => Object.keys(token.header),
  },
  {
    step: 'type',
    fault: ({ token }) => (TYPES.includes(token.header['typ']) ? undefined : 'type'),
    expected: () => TYPES.slice(1),
    found: ({ token }) => token.header['typ'] ?? null,
  },
  {
    step: 'expiry',
    fault: ({ token: { claims }, now }) => {
      const { exp } = claims
      // In milliseconds it has to be a date.
      if (typeof exp !== 'number' || !(Math.abs(exp) < MAX_SECONDS)) return 'expiry_missing'
      return exp > secondsOf(now) ? undefined : 'expired'
    },
    expected: ({ now }) => `exp after ${Math.floor(secondsOf(now))}`,
    found: ({ token }) => token.claims['exp'] ?? null,
  },
  {
    step: 'issued at',
    fault: ({ token: { claims }, issuer, now }) => {
      const { iat } = claims
      if (iat === undefined) return undefined
      if (isLate(iat, now)) return 'issued_in_future'
      const isOld = issuer && (iat as number) < secondsOf(now) - longestOf(issuer)
      return isOld ? 'issued_too_long_ago' : undefined
    },
    expected: ({ issuer, now }) => {
      const latest = Math.floor(secondsOf(now)) + ASSERTION_TOLERANCE_SECONDS
      return issuer
        ? `absent, or from ${Math.floor(secondsOf(now)) - longestOf(issuer)} to ${latest}`
        : `absent, or up to ${latest}`
    },
    found: ({ token }) => token.claims['iat'] ?? null,
  },
  {
    step: 'lifetime',
    fault: ({ token, issuer, now }) =>
      issuer && !(lifetimeOf(token, now) <= longestOf(issuer)) ? 'lifetime_too_long' : undefined,
    expected: ({ issuer }) => `at most ${issuer ? longestOf(issuer) : 0} seconds`,
    found: ({ token, now }) => Math.ceil(lifetimeOf(token, now)),
  },
  {
    step: 'not before',
    fault: ({ token, now }) => (isLate(token.claims['nbf'], now) ? 'not_yet_valid' : undefined),
    expected: ({ now }) => `absent, or up to ${Math.floor(secondsOf(now)) + ASSERTION_TOLERANCE_SECONDS}`,
    found: ({ token }) => token.claims['nbf'] ?? null,
  },
  {
    step: 'audience',
    fault: ({ token, audiences }) => {
      const { aud } = token.claims
      const values: unknown[] = Array.isArray(aud) ? aud : [aud]
      // All of them: who else it is for could present it here.
      const isOurs = values.length > 0 && values.every((one) => audiences.some((own) => own === one))
      return isOurs ? undefined : 'audience'
    },
    expected: ({ audiences }) => audiences,
    found: ({ token }) => token.claims['aud'] ?? null,
  },
  {
    step: 'trust domain',
    fault: ({ token, issuer }) =>
      issuer && isSpiffe(issuer.issuer) && trustDomainOf(token.claims['sub']) !== issuer.issuer
        ? 'trust_domain'
        : undefined,
    expected: ({ issuer }) => (issuer && isSpiffe(issuer.issuer) ? `sub in ${issuer.issuer}` : 'any'),
    found: ({ token }) => token.claims['sub'] ?? null,
  },
  {
    step: 'id',
    fault: ({ token, issuer }) => {
      if (!issuer?.singleUse) return undefined
      const { jti } = token.claims
      const isGood = typeof jti === 'string' && jti !== '' && Buffer.byteLength(jti) <= MAX_JTI_BYTES
      return isGood ? undefined : 'id'
    },
    expected: ({ issuer }) => (issuer?.singleUse ? `jti of 1 to ${MAX_JTI_BYTES} bytes` : 'any'),
    found: ({ token }) => token.claims['jti'] ?? null,
  },
]

/** The first fault, or `undefined`. */
export function faultOfToken(check: TokenCheck): PlatformTokenFault | undefined {
  for (const { fault } of TOKEN_STEPS) {
    const found = fault(check)
    if (found !== undefined) return found
  }
  return undefined
}

const MAX_SECONDS = 8_640_000_000_000

function secondsOf(now: Date): number {
  return now.getTime() / 1000
}

function isLate(time: unknown, now: Date): boolean {
  return (
    time !== undefined && !(typeof time === 'number' && time <= secondsOf(now) + ASSERTION_TOLERANCE_SECONDS)
  )
}

/** Tokens of Microsoft Entra for managed identities live for a day from now, and their iat is five minutes ago. */
const DATED_BACK_SECONDS = 300

function longestOf({ maxLifetimeSeconds: longest }: TrustedIssuer): number {
  return longest === MAX_PLATFORM_TOKEN_LIFETIME_SECONDS ? longest + DATED_BACK_SECONDS : longest
}

/** Without iat, what is left of it. */
function lifetimeOf({ claims: { exp, iat } }: PlatformToken, now: Date): number {
  return (exp as number) - (typeof iat === 'number' ? iat : secondsOf(now))
}
