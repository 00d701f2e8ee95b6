import { pathText } from '../domain/claim-rule.ts'
import type { ExplainedIdentity, ExplainedRule, ExplainedStep, Explanation } from '../domain/explanation.ts'
import type { IssuerRefusal } from '../domain/issuer-refusal.ts'
import { PLATFORM_TOKEN_FAULTS } from '../domain/platform-token.ts'

/** An explanation as JSON of the admin API and of the CLI's `--json`. */
export function explanationToWire(explanation: Explanation) {
  const { fault, summary, next, clientId, issuer, steps, identities, isCut, header, claims } = explanation
  return {
    accepted: fault === undefined,
    reason: fault ?? null,
    summary,
    next,
    client_id: clientId ?? null,
    issuer: issuer ?? null,
    steps: steps.map(stepToWire),
    workload_identities: identities.map(identityToWire),
    more: isCut,
    header: header ?? null,
    claims: claims ?? null,
  }
}

function stepToWire({ step, ok, expected, found, note, fault }: ExplainedStep) {
  return { step, ok: ok ?? null, expected, found, note: note ?? null, reason: fault ?? null }
}

function identityToWire(identity: ExplainedIdentity) {
  return {
    id: identity.id,
    name: identity.name,
    client_id: identity.clientId,
    account_name: identity.accountName,
    account_disabled: identity.isDisabled,
    // Whether auth_methods of the account have federated.
    federated: identity.isFederated,
    ok: identity.rules.every(({ ok }) => ok),
    rules: identity.rules.map(ruleToWire),
  }
}

function ruleToWire({ rule, ok, found, note }: ExplainedRule) {
  return {
    claim: [...rule.claim],
    ok,
    expected: 'equals' in rule ? { equals: [...rule.equals] } : { matches: rule.matches },
    found: found ?? null,
    note: note ?? null,
  }
}

/** A step of a rule for people: `claim = value`. */
export function ruleText({ rule }: Pick<ExplainedRule, 'rule'>): string {
  const name = pathText(rule.claim)
  if ('matches' in rule) return `${name} matches ${JSON.stringify(rule.matches)}`
  return `${name} = ${rule.equals.map((one) => JSON.stringify(one)).join(' or ')}`
}

export function issuerRefusalToWire({ at, reason, subject, clientId, address }: IssuerRefusal) {
  return {
    at,
    reason,
    // What the reason means, for people.
    description: PLATFORM_TOKEN_FAULTS[reason] ?? '',
    subject: subject ?? null,
    client_id: clientId ?? null,
    address,
  }
}
