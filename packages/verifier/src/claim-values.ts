import { TokenError } from './token-error.ts'

/** Reads an array of texts, `roles` for example. */
export function readStrings(claims: Record<string, unknown>, name: string): readonly string[] {
  const value = claims[name]
  if (value === undefined) return []
  if (!Array.isArray(value) || !value.every(isText)) throw invalidClaim(name)
  return value
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

export function invalidClaim(name: string): TokenError {
  return new TokenError('invalid_claim', { reason: name })
}
