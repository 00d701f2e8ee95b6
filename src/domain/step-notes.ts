import { duration, quoted } from './explanation.ts'
import { platformAlgorithm } from './platform-algorithm.ts'
import { issuersNamedBy, type PlatformTokenFault } from './platform-token.ts'
import type { TokenCheck } from './platform-token-steps.ts'

type Note = (check: TokenCheck, trusted: readonly string[]) => string | undefined

const seconds = (now: Date) => now.getTime() / 1000

/** What to know of a check that failed. */
const FAILED: Partial<Record<PlatformTokenFault, Note>> = {
  issuer_unknown: ({ token }, trusted) => {
    const [named] = issuersNamedBy(token)
    if (named === undefined)
      return 'The token names no issuer: it has neither iss nor a SPIFFE ID as its sub.'
    const near = trusted.find((one) => plain(one) === plain(named))
    if (near === undefined) return undefined
    return `The realm trusts ${quoted(near)}. ${difference(near, named)}, and issuers are compared to the letter.`
  },
  expired: ({ token, now }) =>
    `It expired ${duration(seconds(now) - (token.claims['exp'] as number))} ago, at ${moment(token.claims['exp'])}.`,
  issued_too_long_ago: ({ token, issuer, now }) =>
    `It was issued ${duration(seconds(now) - (token.claims['iat'] as number))} ago; the issuer's max_lifetime_seconds allow ${duration(issuer?.maxLifetimeSeconds ?? 0)}.`,
  issued_in_future: ({ token, now }) => ahead('iat', token.claims['iat'], now),
  not_yet_valid: ({ token, now }) => ahead('nbf', token.claims['nbf'], now),
  lifetime_too_long: ({ token, issuer }) => {
    const { exp, iat } = token.claims
    const allowed = `the issuer's max_lifetime_seconds allow ${duration(issuer?.maxLifetimeSeconds ?? 0)}`
    return typeof exp === 'number' && typeof iat === 'number'
      ? `It is valid for ${duration(exp - iat)} in all; ${allowed}.`
      : `It has no iat, and what is left of its time is too long; ${allowed}.`
  },
  algorithm: ({ token }) => {
    const { alg } = token.header
    if (platformAlgorithm(alg)) return `${quoted(alg)} is not among the algorithms of the issuer.`
    return /^(?:HS|none)/i.test(String(alg))
      ? `${quoted(alg)} is never accepted: anybody could make such a token from what is public.`
      : undefined
  },
  audience: ({ token, audiences }) => {
    const { aud } = token.claims
    if (aud === undefined) return 'The token has no aud.'
    const values: unknown[] = Array.isArray(aud) ? aud : [aud]
    const foreign = values.filter((one) => !audiences.some((own) => own === one))
    if (foreign.length < values.length)
      return `It is for ${foreign.map(quoted).join(', ')} as well: a service that receives it there could use it here.`
    const near = audiences.find((own) =>
      values.some((one) => typeof one === 'string' && plain(one) === plain(own)),
    )
    return near === undefined ? undefined : `${difference(near, String(values[0]))}.`
  },
}

/** What to know of a check that holds. */
const HELD: Readonly<Record<string, Note>> = {
  expiry: ({ token, now }) =>
    `It is valid for another ${duration((token.claims['exp'] as number) - seconds(now))}, until ${moment(token.claims['exp'])}.`,
}

/** @param trusted the issuers of the realm */
export function stepNote(
  step: string,
  fault: PlatformTokenFault | undefined,
  check: TokenCheck,
  trusted: readonly string[],
): string | undefined {
  return fault === undefined ? HELD[step]?.(check, trusted) : FAILED[fault]?.(check, trusted)
}

function ahead(name: string, time: unknown, now: Date): string {
  if (typeof time !== 'number') return `${name} is no number.`
  return `${name} is ${duration(time - seconds(now))} ahead: the clock of the issuer or of this server is off.`
}

/** UTC to the second, of seconds since 1970. */
function moment(time: unknown): string {
  const date = new Date((time as number) * 1000)
  return Number.isNaN(date.getTime()) ? 'a time out of range' : `${date.toISOString().slice(0, 19)}Z`
}

function plain(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^https?:/, '')
    .replace(/\/+$/, '')
}

function difference(near: string, found: string): string {
  if (near.toLowerCase() === found.toLowerCase()) return 'They differ in upper and lower case alone'
  if (near.replace(/\/+$/, '') === found.replace(/\/+$/, ''))
    return 'They differ in the slash at the end alone'
  return `They differ in little: ${quoted(near)} and ${quoted(found)}`
}
