import { matchesPattern } from './claim-pattern.ts'
import { Refusal } from './refusal.ts'

/** Names from the outermost to the claim itself. */
export type ClaimPath = readonly string[]

export type ClaimValue = string | number | boolean

/** What a claim of a platform token has to be. */
export type ClaimRule =
  | { readonly claim: ClaimPath; readonly equals: readonly ClaimValue[] }
  | { readonly claim: ClaimPath; readonly matches: string }

export type Claims = Readonly<Record<string, unknown>>

export const MAX_RULES = 8
export const MAX_RULE_VALUES = 100
export const MAX_CLAIM_PATH = 8
export const MAX_RULE_TEXT = 500

/** No claims: every object would have them. */
const NO_CLAIMS = ['__proto__', 'constructor', 'prototype']

/** The value at a path; `undefined`: there is none. */
export function claimAt(claims: Claims, path: ClaimPath): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    if (!Object.hasOwn(value, name) || NO_CLAIMS.includes(name)) return undefined
    value = (value as Claims)[name]
  }
  return value
}

/** Whether a claim is what the rule says. One that is missing or of another type is not. */
export function holds(rule: ClaimRule, claims: Claims): boolean {
  const value = claimAt(claims, rule.claim)
  if ('equals' in rule) return rule.equals.some((one) => one === value)
  return typeof value === 'string' && matchesPattern(rule.matches, value)
}

/** @throws Refusal `invalid`; `field` is the rules' wire name */
export function parseRules(sent: unknown, field = 'rules'): readonly ClaimRule[] {
  if (!Array.isArray(sent) || sent.length < 1 || sent.length > MAX_RULES)
    throw new Refusal('invalid', `${field} must be a list of 1 to ${MAX_RULES} rules.`, field)
  return sent.map((rule, at) => parseRule(rule, `${field}.${at}`))
}

function parseRule(sent: unknown, field: string): ClaimRule {
  const rule = typeof sent === 'object' && sent !== null ? (sent as Record<string, unknown>) : {}
  const { claim, equals, matches, ...others } = rule
  if ((equals === undefined) === (matches === undefined) || Object.keys(others).length > 0)
    throw new Refusal(
      'invalid',
      'A rule has the members claim and either equals or matches, and no others.',
      field,
    )
  const path = parseClaimPath(claim, `${field}.claim`)
  if (equals !== undefined) return { claim: path, equals: parseValues(equals, `${field}.equals`) }
  if (typeof matches !== 'string' || !isText(matches) || !matches.includes('*'))
    throw new Refusal(
      'invalid',
      `matches must be a text of 1 to ${MAX_RULE_TEXT} characters with a * in it, which stands for characters other than / and :. For one value, use equals.`,
      `${field}.matches`,
    )
  return { claim: path, matches }
}

/** A name is a path of one. @throws Refusal `invalid` */
export function parseClaimPath(sent: unknown, field: string): ClaimPath {
  const path: unknown[] = Array.isArray(sent) ? sent : [sent]
  const isGood =
    path.length >= 1 &&
    path.length <= MAX_CLAIM_PATH &&
    path.every((name) => typeof name === 'string' && isText(name) && !NO_CLAIMS.includes(name))
  if (!isGood)
    throw new Refusal(
      'invalid',
      `A claim is its name, or a list of 1 to ${MAX_CLAIM_PATH} names for a claim in a claim, such as ["kubernetes.io", "namespace"].`,
      field,
    )
  return path as ClaimPath
}

function parseValues(sent: unknown, field: string): readonly ClaimValue[] {
  const values: unknown[] = Array.isArray(sent) ? sent : [sent]
  const isGood = values.length >= 1 && values.length <= MAX_RULE_VALUES && values.every(isValue)
  if (!isGood)
    throw new Refusal(
      'invalid',
      `equals must be a text of 1 to ${MAX_RULE_TEXT} characters, a whole number or a truth value, or a list of 1 to ${MAX_RULE_VALUES} of them.`,
      field,
    )
  return [...new Set(values as ClaimValue[])]
}

/** Numbers beyond these are rounded as they are read, so that two different ones would be the same. */
function isValue(value: unknown): value is ClaimValue {
  if (typeof value === 'string') return isText(value)
  return typeof value === 'boolean' || Number.isSafeInteger(value)
}

// No lone surrogates and no NUL, which PostgreSQL refuses; nothing that cannot be seen.
function isText(text: string): boolean {
  return text.length > 0 && [...text].length <= MAX_RULE_TEXT && !/[\p{Cc}\p{Cs}]/u.test(text)
}

/** A path for people: a dot between the names. */
export function pathText(path: ClaimPath): string {
  return path.map((name) => (/^[^.[\]"]+$/.test(name) ? name : JSON.stringify(name))).join('.')
}
