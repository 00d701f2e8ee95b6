/** Where a claim can take its value from, beside `metadata.<key>` of the account. */
export const CLAIM_SOURCES = ['client_id', 'name', 'roles', 'scope', 'address', 'realm'] as const
export type ClaimSource = (typeof CLAIM_SOURCES)[number] | `metadata.${string}`

/** What a claim is in the token. */
export const CLAIM_FORMS = ['string', 'string[]', 'number', 'boolean'] as const
export type ClaimForm = (typeof CLAIM_FORMS)[number]

/** A claim that a realm or an account adds to tokens, in the shape that it is sent and stored in. */
export type CustomClaim = FixedClaim | SourcedClaim

interface NamedClaim {
  /** Its path: names after dots; `\.` is a dot within a name. */
  readonly claim: string
  /** Only in tokens for one of these; `undefined`: in all. */
  readonly audiences?: readonly string[] | undefined
}

export interface FixedClaim extends NamedClaim {
  /** Any JSON. */
  readonly value: unknown
  readonly from?: undefined
}

export interface SourcedClaim extends NamedClaim {
  readonly from: ClaimSource
  /** Text before the value, or before each of a list. */
  readonly prefix?: string | undefined
  /** Default: a list of texts for roles, else a text. */
  readonly as?: ClaimForm | undefined
}

/** Pairs of text that an administrator gives to an account. */
export type Metadata = Readonly<Record<string, string>>

/** The claims that hold for an account: its own, and its realm's, which give way to them. */
export interface CustomClaims {
  readonly own?: readonly CustomClaim[] | undefined
  readonly ofRealm?: readonly CustomClaim[] | undefined
}

/** What claims of one token are made from. */
export interface ClaimSources {
  readonly client_id: string
  readonly name: string
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** `undefined`: not known here. */
  readonly address: string | undefined
  readonly realm: string
  readonly metadata: Metadata | undefined
}

/** A claim that a token is without, and why. */
export interface LeftOutClaim {
  readonly claim: string
  readonly reason: string
}

export interface MadeClaims {
  readonly claims: Readonly<Record<string, unknown>>
  readonly leftOut: readonly LeftOutClaim[]
}

/** The members of a token that custom claims make. A claim that cannot be made is left out. */
export function makeCustomClaims(
  all: CustomClaims,
  sources: ClaimSources,
  audience: readonly string[],
): MadeClaims {
  const claims: Record<string, unknown> = {}
  const leftOut: LeftOutClaim[] = []
  for (const one of claimsFor(all, audience)) {
    const { value, reason } = valueFor(one, sources)
    if (reason === undefined) setAt(claims, claimPath(one.claim), value)
    else leftOut.push({ claim: one.claim, reason })
  }
  return { claims, leftOut }
}

/**
 * Claims of a token, less what its account lost since: those made of roles or scopes are made again from what is left.
 * @param claims stays as it is
 */
export function narrowCustomClaims(
  all: CustomClaims,
  left: Pick<ClaimSources, 'roles' | 'scope'>,
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (!all.own && !all.ofRealm?.length) return claims
  const narrowed: Record<string, unknown> = { ...claims }
  const audience = [(claims['aud'] ?? []) as string | readonly string[]].flat()
  for (const one of claimsFor(all, audience)) {
    if (one.from !== 'roles' && one.from !== 'scope') continue
    const path = claimPath(one.claim)
    const [root] = path as [string]
    if (!hasAt(narrowed, path)) continue
    narrowed[root] = structuredClone(narrowed[root])
    setAt(narrowed, path, convert(left[one.from], one).value)
  }
  return narrowed
}

function claimsFor({ own = [], ofRealm = [] }: CustomClaims, audience: readonly string[]): CustomClaim[] {
  const isFor = ({ audiences }: CustomClaim) => !audiences || audiences.some((one) => audience.includes(one))
  const first = own.filter(isFor)
  if (first.length === 0) return ofRealm.filter(isFor)
  const isFree = ({ claim }: CustomClaim) => !first.some((one) => collide(one.claim, claim))
  return [...first, ...ofRealm.filter((one) => isFor(one) && isFree(one))]
}

/** Whether two claims cannot both be in a token: one is the other, or lies within it. */
export function collide(a: string, b: string): boolean {
  if (a === b) return true
  const [shorter, longer] = [claimPath(a), claimPath(b)].sort((one, other) => one.length - other.length)
  return (shorter as string[]).every((name, at) => name === longer?.[at])
}

/** Names of the objects that a claim lies in, and its own, last. */
export function claimPath(claim: string): string[] {
  if (!claim.includes('.')) return [claim]
  return claim.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'))
}

interface Converted {
  readonly value?: unknown
  /** Why there is no value. */
  readonly reason?: string
}

/** What a claim is in a token, or why there is nothing. */
export function valueFor(claim: CustomClaim, sources: ClaimSources): Converted {
  if (claim.from === undefined) return { value: claim.value }
  const { from } = claim
  const key = metadataKey(from)
  if (key === undefined) {
    const source = sources[from as keyof ClaimSources] as string | readonly string[] | undefined
    return source === undefined ? { reason: `the ${from} is not known` } : convert(source, claim)
  }
  const { metadata } = sources
  return metadata && Object.hasOwn(metadata, key)
    ? convert(metadata[key] as string, claim)
    : { reason: `the account has no metadata ${key}` }
}

/** The key of a source that is metadata. */
export function metadataKey(from: string): string | undefined {
  return from.startsWith('metadata.') ? from.slice('metadata.'.length) : undefined
}

// As in JSON.
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

function convert(source: string | readonly string[], claim: SourcedClaim): Converted {
  const { from, prefix = '', as = from === 'roles' ? 'string[]' : 'string' } = claim
  const texts = (typeof source === 'string' ? [source] : source).map((text) => prefix + text)
  switch (as) {
    case 'string[]':
      return { value: texts }
    case 'string':
      return texts.length === 0 ? { reason: `there is no ${from}` } : { value: texts.join(' ') }
    case 'number':
      return isNumber(texts[0] as string)
        ? { value: Number(texts[0]) }
        : { reason: `${from} is not a number` }
    case 'boolean':
      return texts[0] === 'true' || texts[0] === 'false'
        ? { value: texts[0] === 'true' }
        : { reason: `${from} is neither true nor false` }
  }
}

function isNumber(text: string): boolean {
  return NUMBER.test(text) && isExactNumber(Number(text))
}

/** Whether every reader of JSON gets this number and no other. */
export function isExactNumber(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

function setAt(claims: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let object = claims
  for (const name of path.slice(0, -1)) {
    if (!Object.hasOwn(object, name)) object[name] = {}
    object = object[name] as Record<string, unknown>
  }
  object[path.at(-1) as string] = value
}

function hasAt(claims: Readonly<Record<string, unknown>>, path: readonly string[]): boolean {
  let value: unknown = claims
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false
    value = (value as Record<string, unknown>)[name]
  }
  return true
}
