import { MAX_CLOCK_GAP_SECONDS, TOKEN_GRACE_SECONDS } from './clock.ts'
import { type Algorithm, MAX_TOKEN_LIFETIME_SECONDS } from './realm.ts'

export type SigningKeyState = 'next' | 'current' | 'retired'

/** A realm's signing key without its private half. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly state: SigningKeyState
  readonly publishedAt: Date
  /** When a `next` key is due to sign. */
  readonly activatesAt: Date
  readonly activatedAt: Date | undefined
  readonly retiredAt: Date | undefined
}

export interface RotationPolicy {
  readonly algorithm: Algorithm
  readonly keyRotationSeconds: number
  readonly keyPublishSeconds: number
  readonly jwksMaxAgeSeconds: number
  /** Until when caches may hold a JWKS that was sent with a longer max-age; `undefined`: none was. */
  readonly jwksCachedUntil?: Date | undefined
}

export type RotationStep =
  | { readonly kind: 'create-current' }
  | { readonly kind: 'create-next'; readonly activatesAt: Date }
  | { readonly kind: 'promote-next'; readonly kid: string }
  | { readonly kind: 'replace-next'; readonly kid: string }
  | { readonly kind: 'remove-retired'; readonly kid: string }
  | { readonly kind: 'none'; readonly dueAt: Date }

/**
 * Time between the last moment that a cache may hold a JWKS without a key and the key's first signature. Covers the clock
 * difference of the nodes that publish and promote it, and the time that an answer travels.
 */
export const ACTIVATION_MARGIN_SECONDS = MAX_CLOCK_GAP_SECONDS + 5

/** A retired key stays published until every token that it signed has expired. */
const RETIREMENT_SECONDS = MAX_TOKEN_LIFETIME_SECONDS + TOKEN_GRACE_SECONDS

/** Next step of key rotation. Pure; call it again until it returns `none`. */
export function nextRotationStep(
  keys: readonly SigningKey[],
  policy: RotationPolicy,
  now: Date,
): RotationStep {
  const current = keys.find((key) => key.state === 'current')
  const next = keys.find((key) => key.state === 'next')
  const gone = keys.find((key) => key.state === 'retired' && removalOf(key) <= now)

  if (gone) return { kind: 'remove-retired', kid: gone.kid }
  if (next && next.algorithm !== policy.algorithm) return { kind: 'replace-next', kid: next.kid }
  // No key signs: sign with a key that caches may not have yet, rather than refuse all tokens.
  if (!current) return next ? { kind: 'promote-next', kid: next.kid } : { kind: 'create-current' }
  if (next) {
    const promoteAt = later(next.activatesAt, earliestActivation(next.publishedAt, policy))
    return promoteAt <= now ? { kind: 'promote-next', kid: next.kid } : none(keys, promoteAt)
  }
  if (current.algorithm !== policy.algorithm)
    return { kind: 'create-next', activatesAt: earliestActivation(now, policy) }
  return scheduled(keys, current, policy, now)
}

/** Earliest time that a key published then may sign: when no cache can hold a JWKS without it. */
export function earliestActivation(publishedAt: Date, policy: RotationPolicy): Date {
  const known = plus(publishedAt, policy.jwksMaxAgeSeconds)
  return plus(
    policy.jwksCachedUntil ? later(known, policy.jwksCachedUntil) : known,
    ACTIVATION_MARGIN_SECONDS,
  )
}

/** New `jwksCachedUntil` after the max-age of the JWKS changed. */
export function cachedUntilAfter(old: RotationPolicy, newMaxAgeSeconds: number, now: Date): Date | undefined {
  const { jwksMaxAgeSeconds, jwksCachedUntil } = old
  if (newMaxAgeSeconds >= jwksMaxAgeSeconds) return jwksCachedUntil
  const until = plus(now, jwksMaxAgeSeconds)
  return jwksCachedUntil ? later(until, jwksCachedUntil) : until
}

function scheduled(
  keys: readonly SigningKey[],
  current: SigningKey,
  policy: RotationPolicy,
  now: Date,
): RotationStep {
  const retireAt = plus(current.activatedAt ?? current.publishedAt, policy.keyRotationSeconds)
  const publishAt = plus(retireAt, -policy.keyPublishSeconds)
  if (publishAt > now) return none(keys, publishAt)
  return { kind: 'create-next', activatesAt: later(retireAt, plus(now, policy.keyPublishSeconds)) }
}

function none(keys: readonly SigningKey[], dueAt: Date): RotationStep {
  const removals = keys.filter((key) => key.state === 'retired').map(removalOf)
  return { kind: 'none', dueAt: removals.reduce(earlier, dueAt) }
}

function removalOf(key: SigningKey): Date {
  return plus(key.retiredAt ?? key.publishedAt, RETIREMENT_SECONDS)
}

function later(a: Date, b: Date): Date {
  return new Date(Math.max(a.getTime(), b.getTime()))
}

export function earlier(a: Date, b: Date): Date {
  return new Date(Math.min(a.getTime(), b.getTime()))
}

function plus(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}
