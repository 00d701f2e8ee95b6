import { type ExplainedIdentity, type ExplainedStep, quoted } from '../../domain/explanation.ts'
import type { PlatformTokenFault } from '../../domain/platform-token.ts'
import type { TrustedIssuer } from '../../domain/trusted-issuer.ts'

interface Asked {
  readonly clientId: string | undefined
  readonly issuer: TrustedIssuer | undefined
}

/** Which account it would be: the only one whose rules all hold. */
export function accountSteps(identities: readonly ExplainedIdentity[], asked: Asked): ExplainedStep[] {
  const holding = identities.filter(({ rules }) => rules.every(({ ok }) => ok))
  const allowed = holding.filter(({ isFederated }) => isFederated)
  const accounts = [...new Set(allowed.map(({ clientId }) => clientId))]
  const fault = faultOf(accounts, asked)
  const rules: ExplainedStep = {
    step: 'workload identity',
    ok: asked.issuer ? fault === undefined : undefined,
    expected: 'exactly one account with a workload identity whose rules all hold',
    found: accounts,
    note: noteOf({ identities, holding, allowed }, asked),
    fault,
  }
  const [identity] = allowed
  if (fault !== undefined || !identity || !asked.issuer)
    return [
      rules,
      {
        ...NO_ACCOUNT,
        found: null,
        ok: undefined,
        note: 'Not checked: an earlier step failed.',
        fault: undefined,
      },
    ]
  const { isDisabled, hasEnded = false } = identity
  const name = quoted(identity.accountName)
  return [
    rules,
    {
      ...NO_ACCOUNT,
      found: identity.clientId,
      ok: !isDisabled && !hasEnded,
      note: isDisabled ? `${name} is disabled.` : hasEnded ? `${name} has ended.` : name,
      fault: isDisabled ? 'disabled' : hasEnded ? 'ended' : undefined,
    },
  ]
}

const NO_ACCOUNT = { step: 'account', expected: 'an account that is not disabled and has not ended' } as const

function faultOf(accounts: readonly string[], { clientId, issuer }: Asked): PlatformTokenFault | undefined {
  if (!issuer || accounts.length === 1) return undefined
  if (accounts.length > 1) return 'ambiguous'
  return clientId === undefined ? 'unbound' : 'client'
}

interface Compared {
  readonly identities: readonly ExplainedIdentity[]
  readonly holding: readonly ExplainedIdentity[]
  readonly allowed: readonly ExplainedIdentity[]
}

function noteOf({ identities, holding, allowed }: Compared, { issuer }: Asked): string | undefined {
  if (!issuer) return 'Not checked: the issuer is not known.'
  const parts = [
    `Compared with ${identities.length} workload ${identities.length === 1 ? 'identity' : 'identities'}.`,
  ]
  const barred = holding.filter((one) => !allowed.includes(one)).map(({ clientId }) => clientId)
  if (barred.length > 0)
    parts.push(`Without federated in its auth_methods: ${barred.slice(0, 5).join(', ')}.`)
  return parts.join(' ')
}
