import { type ClaimPath, type ClaimRule, type Claims, claimAt, holds, pathText } from './claim-rule.ts'
import { type ExplainedRule, quoted, shownValue } from './explanation.ts'

/** Compares a claim with its rule, and says what is wrong with it. */
export function explainRule(rule: ClaimRule, claims: Claims): ExplainedRule {
  const found = claimAt(claims, rule.claim)
  const ok = holds(rule, claims)
  return { rule, ok, found: shownValue(found), note: ok ? undefined : noteOf(rule, claims, found) }
}

function noteOf(rule: ClaimRule, claims: Claims, found: unknown): string {
  const name = pathText(rule.claim)
  if (found === undefined) return absentNote(rule.claim, claims)
  if ('equals' in rule) {
    const [only, ...others] = rule.equals
    return (
      equalsNote(name, found, rule.equals) ??
      `${name} is ${quoted(found)}; the rule wants ${others.length > 0 ? `one of ${quoted(rule.equals)}` : quoted(only)}.`
    )
  }
  if (typeof found !== 'string') return `${name} is no text, and matches compares texts alone.`
  return (
    patternNote(name, found, rule.matches) ??
    `${name} is ${quoted(found)}; the rule wants ${quoted(rule.matches)}.`
  )
}

/** Differences that are easily overlooked. */
function equalsNote(name: string, found: unknown, wanted: readonly unknown[]): string | undefined {
  if (typeof found === 'object')
    return `${name} is ${Array.isArray(found) ? 'a list' : 'an object'}, and equals compares single values alone.`
  const alike = wanted.find((one) => typeof one !== typeof found && String(one) === String(found))
  if (alike !== undefined)
    return `${name} is the ${kindOf(found)} ${quoted(found)}; the rule wants the ${kindOf(alike)} ${quoted(alike)}.`
  if (typeof found !== 'string') return undefined
  const near = wanted.find((one): one is string => typeof one === 'string' && plain(one) === plain(found))
  if (near === undefined) return undefined
  const how =
    near.toLowerCase() === found.toLowerCase() ? 'upper and lower case' : 'spaces or slashes at its ends'
  return `${name} is ${quoted(found)}; the rule wants ${quoted(near)}. They differ in ${how} alone.`
}

function patternNote(name: string, found: string, pattern: string): string | undefined {
  // With * for any text it would fit.
  const parts = pattern.split('*')
  const [first = '', ...middle] = parts
  const last = middle.pop() ?? ''
  if (!found.startsWith(first) || !found.endsWith(last) || found.length < first.length + last.length)
    return undefined
  let rest = found.slice(first.length, found.length - last.length)
  for (const part of middle) {
    const at = rest.indexOf(part)
    if (at < 0) return undefined
    rest = rest.slice(at + part.length)
  }
  return `${name} is ${quoted(found)}; in ${quoted(pattern)} each * stands for one character or more other than / and :.`
}

function absentNote(path: ClaimPath, claims: Claims): string {
  const name = pathText(path)
  const nested = path.length === 1 ? nestedLike(path[0] as string, claims) : undefined
  if (nested)
    return `The token has no claim ${quoted(path[0])}, but a member: write it as ${JSON.stringify(nested)}.`
  const flat = path.join('.')
  if (path.length > 1 && Object.hasOwn(claims, flat))
    return `The token has no member ${name}, but a claim of that name: write it as ${JSON.stringify([flat])}.`
  const like = Object.keys(claims).find((one) => plain(one) === plain(path[0] as string) && one !== path[0])
  if (like !== undefined) return `The token has no claim ${name}; it has ${quoted(like)}.`
  const parent = parentOf(path, claims)
  const own = Object.keys(parent.value).slice(0, 20).join(', ')
  return `The token has no claim ${name}; ${parent.at === '' ? 'it has' : `${parent.at} has`} ${own || 'no members'}.`
}

/** `a.b` or `a/b` where the token has a member b in a. */
function nestedLike(name: string, claims: Claims): ClaimPath | undefined {
  for (let at = 1; at < name.length; at++) {
    if (name[at] !== '.' && name[at] !== '/') continue
    const path = [name.slice(0, at), ...name.slice(at + 1).split(/[./]/)]
    const whole = [name.slice(0, at), name.slice(at + 1)]
    for (const one of [whole, path]) if (claimAt(claims, one) !== undefined) return one
  }
  return undefined
}

/** The innermost object on the way to a claim. */
function parentOf(path: ClaimPath, claims: Claims): { readonly at: string; readonly value: object } {
  for (let length = path.length - 1; length > 0; length--) {
    const value = claimAt(claims, path.slice(0, length))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { at: pathText(path.slice(0, length)), value }
  }
  return { at: '', value: claims }
}

function kindOf(value: unknown): string {
  return typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'truth value' : 'number'
}

function plain(text: string): string {
  return text.trim().replace(/\/+$/, '').toLowerCase()
}

/** How far a token is from rules: the number of those that fail, less what is alike of their values. */
export function distanceOf(rules: readonly ExplainedRule[]): number {
  return rules.filter(({ ok }) => !ok).reduce((sum, rule) => sum + 1 - likeness(rule) / 2, 0)
}

function likeness({ rule, found }: ExplainedRule): number {
  if (typeof found !== 'string') return 0
  const wanted = 'equals' in rule ? rule.equals : [rule.matches]
  return Math.max(...wanted.map((one) => (typeof one === 'string' ? commonStart(one, found) : 0)))
}

function commonStart(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return length / Math.max(one.length, other.length, 1)
}
