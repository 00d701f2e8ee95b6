import type { AccessTokenClaims } from '../domain/access-token.ts'
import type { LeftOutClaim } from '../domain/custom-claim.ts'

interface TokenPreview {
  readonly claims: AccessTokenClaims
  readonly leftOut: readonly LeftOutClaim[]
}

/** Claims of the next token as JSON of the admin API and of the CLI's `--json`. */
export function tokenPreviewToWire({ claims, leftOut }: TokenPreview) {
  return { claims: { ...claims } as Record<string, unknown>, left_out: leftOut.map((one) => ({ ...one })) }
}
