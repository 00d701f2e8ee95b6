import { pinHash } from '../../crypto/platform-keys.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import {
  type ExplainedIdentity,
  type ExplainedStep,
  type Explanation,
  shownValue,
} from '../../domain/explanation.ts'
import { adviceOn } from '../../domain/explanation-advice.ts'
import {
  issuersNamedBy,
  PLATFORM_TOKEN_FAULTS,
  type PlatformToken,
  type PlatformTokenFault,
  parsePlatformToken,
} from '../../domain/platform-token.ts'
import { TOKEN_STEPS, type TokenCheck } from '../../domain/platform-token-steps.ts'
import { distanceOf, explainRule } from '../../domain/rule-explanation.ts'
import { stepNote } from '../../domain/step-notes.ts'
import { audiencesOf, type TrustedIssuer } from '../../domain/trusted-issuer.ts'
import { pinsOfToken } from '../../domain/workload-identity.ts'
import { findIdentityCandidates } from '../../storage/identity-candidates.ts'
import { listTrustedIssuers } from '../../storage/trusted-issuers.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { accountSteps } from './account-steps.ts'
import type { FetchedKeys } from './fetched-keys.ts'
import { keySteps } from './key-steps.ts'

/** Workload identities that are compared with a token, and of those the nearest that are shown. */
const MAX_COMPARED = 1000
const MAX_SHOWN = 50

export interface AskedToken {
  readonly token: string
  /** Compares with those of that account alone. */
  readonly clientId?: string | undefined
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'publicUrl' | 'refusals'>

interface Explained {
  readonly realm: { readonly id: string; readonly name: string }
  readonly token: PlatformToken
  readonly issuer: TrustedIssuer | undefined
  readonly check: TokenCheck
}

/** Says of a platform token, step by step, why it is accepted or not. The token is neither kept nor used up. */
export function explanations(deps: Deps, keys: Pick<FetchedKeys, 'find' | 'describe'>) {
  const { db, clock, publicUrl, refusals } = deps

  async function explain(realmName: string, { token: text, clientId }: AskedToken): Promise<Explanation> {
    const realm = await realmNamed(db, realmName)
    const token = parsePlatformToken(text.trim())
    if (typeof token === 'string') return unreadable(token, text.trim(), realmName)
    const trusted = await listTrustedIssuers(db, realm.id)
    const named = issuersNamedBy(token)
    const issuer = named.map((one) => trusted.find((other) => other.issuer === one)).find((one) => one)
    const audiences = audiencesOf(issuer ?? { audiences: undefined }, `${publicUrl}/realms/${realmName}`)
    const check = { token, issuer, audiences, now: clock() }
    const about = { realm, token, issuer, check }
    const early = [
      formatStep(text.trim(), undefined),
      ...tokenSteps(
        check,
        trusted.map((one) => one.issuer),
      ),
      ...(await keySteps(keys, about)),
    ]
    const { identities, isCut } = await compare(about, clientId)
    const steps = [...early, ...accountSteps(identities, { clientId, issuer })]
    return conclude(about, steps, { identities, isCut, named: clientId })
  }

  async function compare({ realm, token, issuer }: Explained, clientId: string | undefined) {
    if (!issuer) return { identities: [], isCut: false }
    const hashes = pinsOfToken(token.claims, issuer.requiredClaims).map(pinHash)
    const search = { realmId: realm.id, issuerId: issuer.id, hashes, clientId }
    const found = await findIdentityCandidates(db, search, MAX_COMPARED)
    const identities = found
      .map(
        ({ rules, endsAt, ...about }): ExplainedIdentity => ({
          ...about,
          hasEnded: endsAt !== undefined && endsAt <= clock(),
          rules: rules.map((rule) => explainRule(rule, token.claims)),
        }),
      )
      .sort((one, other) => distanceOf(one.rules) - distanceOf(other.rules))
    return { identities, isCut: identities.length > MAX_SHOWN }
  }

  return {
    /** @throws Refusal `forbidden`, `not_found` */
    explain(actor: Actor, realmName: string, asked: AskedToken): Promise<Explanation> {
      const attempt = { actor, action: 'trusted-issuer.explain', realm: realmName } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        return explain(realmName, asked)
      })
    },
  }
}

interface Compared {
  readonly identities: readonly ExplainedIdentity[]
  readonly isCut: boolean
  readonly named: string | undefined
}

function conclude(about: Explained, steps: readonly ExplainedStep[], compared: Compared): Explanation {
  const { realm, token, issuer, check } = about
  const { identities, isCut, named } = compared
  const fault = steps.find((one) => one.fault !== undefined)?.fault
  const account = steps.at(-1)?.found
  const shown = {
    issuer: issuer && { id: issuer.id, issuer: issuer.issuer, name: issuer.name },
    steps,
    identities: identities.slice(0, MAX_SHOWN),
    isCut,
    header: shownMembers(token.header),
    claims: shownMembers(token.claims),
  }
  if (fault === undefined) {
    const clientId = String(account)
    return {
      ...shown,
      fault,
      clientId,
      summary: `The token is accepted as account ${clientId}.`,
      next: 'Nothing is left to do: a request with this token gets an access token of that account.',
    }
  }
  const isUploaded = issuer?.keys.kind === 'jwks'
  const advised = {
    realm: realm.name,
    token,
    audiences: check.audiences,
    isUploaded,
    steps,
    identities,
    named,
  }
  return { ...shown, ...refusedBy(fault), clientId: undefined, next: adviceOn(fault, advised) }
}

function refusedBy(fault: PlatformTokenFault) {
  return { fault, summary: `The token is refused: ${PLATFORM_TOKEN_FAULTS[fault]}.` }
}

function unreadable(fault: PlatformTokenFault, text: string, realm: string): Explanation {
  const nothing = { token: undefined, audiences: [], isUploaded: false, identities: [], named: undefined }
  const steps = [formatStep(text, fault)]
  return {
    ...refusedBy(fault),
    next: adviceOn(fault, { ...nothing, realm, steps }),
    clientId: undefined,
    issuer: undefined,
    steps,
    identities: [],
    isCut: false,
    header: undefined,
    claims: undefined,
  }
}

function formatStep(text: string, fault: PlatformTokenFault | undefined): ExplainedStep {
  const parts = text === '' ? 0 : text.split('.').length
  return {
    step: 'format',
    ok: fault === undefined,
    expected: 'a JWT: three parts of base64url, 8192 bytes at most',
    found: `${parts} ${parts === 1 ? 'part' : 'parts'}, ${Buffer.byteLength(text)} bytes`,
    note: undefined,
    fault,
  }
}

/** All checks, also after one that fails. */
function tokenSteps(check: TokenCheck, trusted: readonly string[]): ExplainedStep[] {
  return TOKEN_STEPS.map(({ step, fault: faultOf, expected, found }) => {
    const fault = faultOf(check)
    const isUnknown = fault === 'issuer_unknown'
    return {
      step,
      ok: fault === undefined,
      expected: isUnknown && trusted.length > 0 ? trusted : expected(check),
      found: shownValue(found(check)),
      note: stepNote(step, fault, check, trusted),
      fault,
    }
  })
}

function shownMembers(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, shownValue(value)]))
}
