import {
  type ClaimPath,
  type ClaimRule,
  type Claims,
  type ClaimValue,
  claimAt,
  parseRules,
  pathText,
} from './claim-rule.ts'
import { parseKeyName } from './client-key.ts'
import { Refusal } from './refusal.ts'

/** Lets the tokens of a trusted issuer in as a service account, where all of its rules hold. */
export interface WorkloadIdentity {
  readonly id: string
  readonly clientId: string
  /** Id of the trusted issuer. */
  readonly issuerId: string
  /** Preset of the issuer. */
  readonly preset: string | undefined
  readonly rules: readonly ClaimRule[]
  /** In the administrator's words; may be empty. */
  readonly name: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
}

export const MAX_IDENTITIES = 100

/** Combinations of values that one identity may pin: each is a row that tokens are looked up by. */
export const MAX_PINS = 100

/** Identities that are compared with a token at most. */
export const MAX_CANDIDATES = 100

/** Values of claims that a token is looked up by, in one form. */
export type Pin = string

const SUB: ClaimPath = ['sub']

/** Tokens whose pin is among these are of the identity, if all rules hold. @throws Refusal `invalid` */
export function pinsOf(rules: readonly ClaimRule[], requiredClaims: readonly ClaimPath[]): readonly Pin[] {
  const subjects = valuesOf(rules, SUB)
  if (subjects) return limited(subjects.map((value) => pinOf([SUB], [value])))
  const values = requiredClaims.map((path) => valuesOf(rules, path))
  if (values.length === 0 || !values.every((one) => one !== undefined)) throw unpinned(requiredClaims)
  const count = values.reduce((product, { length }) => product * length, 1)
  if (count > MAX_PINS) throw tooMany(count)
  const combinations = values.reduce<ClaimValue[][]>(
    (before, more) => before.flatMap((one) => more.map((value) => [...one, value])),
    [[]],
  )
  return combinations.map((one) => pinOf(requiredClaims, one))
}

/** What a token may be looked up by: its `sub`, and the claims that the issuer requires. */
export function pinsOfToken(claims: Claims, requiredClaims: readonly ClaimPath[]): readonly Pin[] {
  const pins: Pin[] = []
  const { sub } = claims
  if (typeof sub === 'string') pins.push(pinOf([SUB], [sub]))
  const values = requiredClaims.map((path) => claimAt(claims, path))
  if (values.length > 0 && values.every(isPinnable)) pins.push(pinOf(requiredClaims, values))
  return pins
}

function isPinnable(value: unknown): value is ClaimValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** JSON keeps texts and numbers apart, and where one part ends. */
function pinOf(paths: readonly ClaimPath[], values: readonly ClaimValue[]): Pin {
  return JSON.stringify(paths.map((path, at) => [path, values[at]]))
}

/** Values of the first rule that pins the claim. */
function valuesOf(rules: readonly ClaimRule[], path: ClaimPath): readonly ClaimValue[] | undefined {
  for (const rule of rules)
    if (
      'equals' in rule &&
      rule.claim.length === path.length &&
      rule.claim.every((name, at) => name === path[at])
    )
      return rule.equals
  return undefined
}

function limited(pins: readonly Pin[]): readonly Pin[] {
  if (pins.length > MAX_PINS) throw tooMany(pins.length)
  return pins
}

function tooMany(count: number): Refusal {
  return new Refusal(
    'invalid',
    `The values that these rules pin can be combined in ${count} ways, and ${MAX_PINS} is the limit: make several workload identities of them.`,
    'rules',
    MAX_PINS,
  )
}

function unpinned(requiredClaims: readonly ClaimPath[]): Refusal {
  const all = requiredClaims.map(pathText).join(', ')
  return new Refusal(
    'invalid',
    requiredClaims.length === 0
      ? 'A workload identity pins sub with equals: without that, other workloads of the issuer would get in.'
      : `A workload identity pins either sub or all of ${all} with equals: without that, other workloads of the issuer would get in.`,
    'rules',
  )
}

/** @throws Refusal `invalid` */
export function parseIdentity(
  { rules, name = '' }: { readonly rules: unknown; readonly name?: string | undefined },
  requiredClaims: readonly ClaimPath[],
): { readonly rules: readonly ClaimRule[]; readonly name: string; readonly pins: readonly Pin[] } {
  const parsed = parseRules(rules)
  return { rules: parsed, name: parseKeyName(name), pins: pinsOf(parsed, requiredClaims) }
}
