import type { ClaimRule } from '../domain/claim-rule.ts'
import { bindingWarnings } from '../domain/federation-presets.ts'
import type { WorkloadIdentity } from '../domain/workload-identity.ts'

/** A workload identity as JSON of the admin API and of the CLI's `--json`. */
export function workloadIdentityToWire(identity: WorkloadIdentity) {
  return {
    id: identity.id,
    trusted_issuer: identity.issuerId,
    name: identity.name,
    rules: identity.rules.map(ruleToWire),
    warnings: bindingWarnings(identity.preset, identity.rules),
    created_at: identity.createdAt,
    last_used_at: identity.lastUsedAt ?? null,
  }
}

/** A single value is not a list of one. */
export function ruleToWire(rule: ClaimRule) {
  const claim = [...rule.claim]
  if ('matches' in rule) return { claim, matches: rule.matches }
  const [first, ...others] = rule.equals
  return { claim, equals: others.length === 0 ? first : [...rule.equals] }
}
