/** The trust domain of a SPIFFE ID, as an issuer. */
export function trustDomainOf(subject: unknown): string | undefined {
  if (typeof subject !== 'string') return undefined
  return /^(spiffe:\/\/[a-z0-9._-]{1,255})(?:\/|$)/.exec(subject)?.[1]
}

/** Returns whether an issuer is a trust domain alone, without a path. */
export function isSpiffeIssuer(issuer: string): boolean {
  return /^spiffe:\/\/[a-z0-9._-]{1,255}$/.test(issuer)
}

/** Returns whether it is meant as one, well-formed or not. */
export function isSpiffe(issuer: string): boolean {
  return issuer.startsWith('spiffe://')
}
