import { OAuthError } from './oauth-error.ts'

/** An absolute URI without a fragment (RFC 8707 section 2). */
export function isAbsoluteUri(value: string): boolean {
  return (
    /^[a-z][a-z0-9+.-]*:(?:[\x21-\x24\x26-\x7e]|%[\da-f]{2}){1,1000}$/i.test(value) &&
    !value.includes('#') &&
    URL.canParse(value)
  )
}

/** Characters of an audience. */
export const MAX_AUDIENCE_LENGTH = 1000

/** What an audience of tokens may be called. */
export function isAudience(value: string): boolean {
  if (value.length > MAX_AUDIENCE_LENGTH) return false
  // RFC 7519 section 2: a value with a colon is a URI.
  return isAbsoluteUri(value) || /^[\x21\x22\x24-\x39\x3b-\x7e]{1,200}$/.test(value)
}

export interface Targets {
  /** `resource` parameters, each an absolute URI. */
  readonly resources: readonly string[]
  /** The `audience` parameter, an alias many clients send. */
  readonly audience: string | undefined
}

/** Audiences of a token: the requested ones, which the realm must allow, or its default. */
export function grantAudience(asked: Targets, known: readonly string[]): readonly string[] {
  for (const resource of asked.resources) {
    if (!isAbsoluteUri(resource))
      throw new OAuthError('invalid_target', 'A resource must be an absolute URI without a fragment.')
  }
  const targets = new Set(
    asked.audience === undefined ? asked.resources : [...asked.resources, asked.audience],
  )
  if (targets.size === 0) return known.slice(0, 1)
  for (const target of targets) {
    if (!known.includes(target))
      throw new OAuthError('invalid_target', 'The realm does not know that resource.')
  }
  return [...targets]
}
