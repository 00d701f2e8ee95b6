/** Claims of a token, which are not verified. Do not decide by them who the caller is. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

export function audiencesOf(token: string): readonly unknown[] {
  const { aud } = claimsOf(token)
  return Array.isArray(aud) ? aud : [aud]
}

/** Whether it is a JWT-SVID, which has an assertion type of its own. */
export function isJwtSvid(token: string): boolean {
  const { sub } = claimsOf(token)
  return typeof sub === 'string' && sub.startsWith('spiffe://')
}
