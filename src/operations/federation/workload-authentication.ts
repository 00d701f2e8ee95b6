import { usedAssertionHash } from '../../crypto/assertion-keys.ts'
import { pinHash } from '../../crypto/platform-keys.ts'
import { holds } from '../../domain/claim-rule.ts'
import { OAuthError, UnknownRealmError } from '../../domain/oauth-error.ts'
import {
  PLATFORM_TOKEN_FAULTS,
  type PlatformToken,
  type PlatformTokenFault,
} from '../../domain/platform-token.ts'
import { faultOfToken } from '../../domain/platform-token-steps.ts'
import { isRealmName } from '../../domain/realm.ts'
import { isClientId } from '../../domain/service-account.ts'
import { MAX_CANDIDATES, pinsOfToken } from '../../domain/workload-identity.ts'
import { insertUsedAssertions, type UsedAssertion } from '../../storage/used-assertions.ts'
import {
  findWorkloadRecords,
  type WorkloadCandidate,
  type WorkloadRecord,
} from '../../storage/workload-records.ts'
import { endOfTokens, limitFault } from '../clients/account-limits.ts'
import type { AuthenticatedClient } from '../clients/authenticated-client.ts'
import { type LoadedRealms, throwUnavailable } from '../clients/loaded-realms.ts'
import { shareReads } from '../clients/shared-reads.ts'
import type { WorkloadCredentials, WorkloadRefusalCode } from '../clients/workload-credentials.ts'
import type { Dependencies } from '../dependencies.ts'
import type { FetchedKeys } from './fetched-keys.ts'
import type { IssuerRefusals, RefusedToken } from './issuer-refusals.ts'
import { issuerNamed, type KnownIssuer, type KnownIssuers, realmIssuers } from './realm-issuers.ts'
import { tokenSignatures } from './token-signatures.ts'

/** Rows per query. */
const MAX_BATCH = 32

/** Uses noted at once. */
const MAX_USES = 256

interface Parts {
  readonly loadedRealms: Pick<LoadedRealms, 'at'>
  readonly issuerKeys: Pick<FetchedKeys, 'find'>
  readonly issuerRefusals: Pick<IssuerRefusals, 'note'>
}

type Deps = Pick<Dependencies, 'tokenDb' | 'assertionDb' | 'clock' | 'failedAttempts' | 'publicUrl'>

interface Asked extends WorkloadCredentials {
  readonly realmName: string
  readonly address: string
  readonly code: WorkloadRefusalCode
}

/** A token whose issuer and candidates are known. */
interface Met extends Asked {
  readonly token: PlatformToken
  readonly known: KnownIssuer
  readonly record: WorkloadRecord
}

/** Authentication by the token of a workload's platform: no secret at all. */
export function workloadAuthentication(deps: Deps, parts: Parts) {
  const { tokenDb, assertionDb, clock, failedAttempts } = deps
  const issuersOf = realmIssuers(deps)
  const records = shareReads((lookups: Parameters<typeof findWorkloadRecords>[1]) => {
    return findWorkloadRecords(tokenDb, lookups)
  }, MAX_BATCH)
  const uses = shareReads(
    (used: readonly UsedAssertion[]) => insertUsedAssertions(assertionDb, used),
    MAX_USES,
    { maxReads: 1, areCommits: true },
  )
  const signatures = tokenSignatures(deps, parts)

  /** The current rows, and the issuers of the same version. */
  function look({ realmName, platformToken, clientId }: Asked) {
    if (!isRealmName(realmName)) throw new UnknownRealmError('not a realm name')
    const token = typeof platformToken === 'string' ? undefined : platformToken
    return issuersOf
      .decide(realmName, (issuers: KnownIssuers) => {
        const known = issuerNamed(issuers, token)
        const pins = token && known ? pinsOfToken(token.claims, known.issuer.requiredClaims) : []
        return records.load({
          realm: realmName,
          issuerId: pins.length > 0 ? known?.issuer.id : undefined,
          hashes: pins.map(pinHash),
          // A text that is no client_id is that of none.
          clientId: clientId === undefined || isClientId(clientId) ? clientId : '-',
        })
      })
      .catch(throwUnavailable)
  }

  function refuse(fault: PlatformTokenFault, asked: Asked, at: At): never {
    const { code, platformToken, clientId, address } = asked
    const subject = typeof platformToken === 'string' ? undefined : platformToken.claims['sub']
    parts.issuerRefusals.note({ ...at, reason: fault, subject, clientId, address })
    const reason = `platform token, ${fault}: ${PLATFORM_TOKEN_FAULTS[fault]}`
    throw new OAuthError(code, OUTWARD[code], reason, 'wrong_platform_token')
  }

  async function refuseNetwork(fault: PlatformTokenFault, asked: Asked, at: At): Promise<never> {
    await failedAttempts.noteFailure(asked.address)
    refuse(fault, asked, at)
  }

  /** The only account whose rules hold. */
  async function accountOf(met: Met, at: At): Promise<WorkloadCandidate> {
    const { candidates } = met.record
    if (candidates.length > MAX_CANDIDATES) return refuseNetwork('too_many', met, at)
    const { claims } = met.token
    const fits = candidates.filter(({ rules }) => rules.every((rule) => holds(rule, claims)))
    const [first] = fits
    if (!first) return refuseNetwork(met.clientId === undefined ? 'unbound' : 'client', met, at)
    if (fits.some(({ account }) => account.clientId !== first.account.clientId))
      return refuseNetwork('ambiguous', met, at)
    return first
  }

  /** Records the use; where tokens are for single use, refuses a second one. */
  async function use(met: Met, at: At): Promise<void> {
    const { claims } = met.token
    const hash = usedAssertionHash(at.realmId, `issuer ${met.known.issuer.id}`, claims['jti'] as string)
    const expiresAt = new Date((claims['exp'] as number) * 1000)
    const isNew = await uses.load({ hash, expiresAt }).catch(throwUnavailable)
    if (!isNew) await refuseNetwork('used', met, at)
  }

  return {
    /**
     * @throws UnknownRealmError
     * @throws OAuthError of that code, the same whatever is wrong; `temporarily_unavailable`
     * @throws TooManyFailuresError
     */
    async authenticate(
      realmName: string,
      credentials: WorkloadCredentials,
      address: string,
      code: WorkloadRefusalCode = 'invalid_grant',
    ): Promise<AuthenticatedClient> {
      const asked = { ...credentials, realmName, address, code }
      const { issuers, found: record } = await look(asked)
      const { platformToken: token } = credentials
      const known = typeof token === 'string' ? undefined : issuerNamed(issuers, token)
      const at = { realmId: record.realmId, issuerId: known?.issuer.id }
      if (typeof token === 'string') return refuseNetwork(token, asked, at)
      const { issuer, audiences = [] } = known ?? {}
      const fault = faultOfToken({ token, issuer, audiences, now: clock() })
      if (fault !== undefined || !known) return refuseNetwork(fault ?? 'issuer_unknown', asked, at)
      const met = { ...asked, token, known, record }
      const outcome = await signatures.verify(met)
      if (outcome !== 'right') refuse(outcome, asked, at)
      const { account, identityId } = await accountOf(met, at)
      if (account.disabledAt) refuse('disabled', asked, at)
      const limited = limitFault(account, address, clock())
      if (limited !== undefined) refuse(limited, asked, at)
      if (known.issuer.singleUse) await use(met, at)
      const loaded = await Promise.resolve(parts.loadedRealms.at(realmName, record)).catch(throwUnavailable)
      return {
        loaded,
        account,
        secretId: identityId,
        notAfter: endOfTokens(account, token.claims['exp'] as number) as number,
      }
    },
  }
}

type At = Pick<RefusedToken, 'realmId' | 'issuerId'>

const OUTWARD = {
  invalid_client: 'Client authentication failed.',
  invalid_grant: 'The token of the platform is not accepted.',
} satisfies Record<WorkloadRefusalCode, string>
