import { issuerWarnings, presetOf } from '../domain/federation-presets.ts'
import { addressMember, type IssuerKeys, type TrustedIssuer } from '../domain/trusted-issuer.ts'

/** A trusted issuer as JSON of the admin API and of the CLI's `--json`. */
export function trustedIssuerToWire(issuer: TrustedIssuer, warnings: readonly string[] = []) {
  return {
    id: issuer.id,
    issuer: issuer.issuer,
    name: issuer.name,
    preset: issuer.preset ?? null,
    keys: keysToWire(issuer.keys),
    audiences: issuer.audiences ? [...issuer.audiences] : null,
    algorithms: [...issuer.algorithms],
    max_lifetime_seconds: issuer.maxLifetimeSeconds,
    single_use: issuer.singleUse,
    required_claims: issuer.requiredClaims.map((path) => [...path]),
    enabled: issuer.enabled,
    // While tokens are still being ended.
    ...(issuer.ending && { ending: true }),
    warnings: [...warningsOf(issuer), ...warnings],
    created_at: issuer.createdAt,
    updated_at: issuer.updatedAt,
  }
}

function keysToWire(keys: IssuerKeys) {
  if (keys.kind === 'jwks') return { source: keys.kind, jwks: { keys: keys.keys.map((key) => ({ ...key })) } }
  if (keys.kind === 'discovery') return { source: keys.kind }
  return { source: keys.kind, [addressMember(keys.kind)]: keys.address }
}

function warningsOf({ issuer, preset, keys }: TrustedIssuer): string[] {
  const hasNameless = keys.kind === 'jwks' && keys.keys.some((key) => key['kid'] === undefined)
  return [
    ...issuerWarnings(preset === undefined ? undefined : presetOf(preset), issuer),
    ...(hasNameless ? ['keys.jwks has a key without kid: it is tried for tokens without kid alone.'] : []),
  ]
}
