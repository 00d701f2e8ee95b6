import type { ClaimRule, Claims } from './claim-rule.ts'
import type { PlatformTokenFault } from './platform-token.ts'

/** One check of a platform token, for people. */
export interface ExplainedStep {
  readonly step: string
  /** `undefined`: it could not be checked, for an earlier step failed. */
  readonly ok: boolean | undefined
  readonly expected: unknown
  readonly found: unknown
  /** What to know of it, in a sentence. */
  readonly note: string | undefined
  /** As the log names it. */
  readonly fault: PlatformTokenFault | undefined
}

export interface ExplainedRule {
  readonly rule: ClaimRule
  readonly ok: boolean
  /** `undefined`: the token has no such claim. */
  readonly found: unknown
  readonly note: string | undefined
}

/** A workload identity that the token was compared with. */
export interface ExplainedIdentity {
  readonly id: string
  readonly name: string
  readonly clientId: string
  readonly accountName: string
  readonly isDisabled: boolean
  readonly hasEnded?: boolean
  /** Whether its auth_methods have federated. */
  readonly isFederated: boolean
  readonly rules: readonly ExplainedRule[]
}

/** Why a platform token is accepted, or is not. It holds nothing of the token's signature. */
export interface Explanation {
  /** `undefined`: it would be accepted. */
  readonly fault: PlatformTokenFault | undefined
  readonly summary: string
  /** What to do next, in a sentence. */
  readonly next: string
  /** The account that it would be. */
  readonly clientId: string | undefined
  readonly issuer: { readonly id: string; readonly issuer: string; readonly name: string } | undefined
  readonly steps: readonly ExplainedStep[]
  /** The nearest first. */
  readonly identities: readonly ExplainedIdentity[]
  /** Whether the issuer has workload identities beside those. */
  readonly isCut: boolean
  /** `undefined`: they cannot be read. */
  readonly header: Claims | undefined
  readonly claims: Claims | undefined
}

/** Characters of a value that are shown. */
const MAX_SHOWN = 500

/** A value of a token, cut where it is long. */
export function shownValue(value: unknown): unknown {
  const text = JSON.stringify(value)
  return text === undefined || text.length <= MAX_SHOWN ? value : `${text.slice(0, MAX_SHOWN)}…`
}

/** A value in a sentence. */
export function quoted(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`
}

const UNITS: readonly [name: string, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** Two units at most: `3 hours 12 minutes`. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [name, length] of UNITS) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`)
  }
  return parts.length > 0 ? parts.join(' ') : 'less than a second'
}
