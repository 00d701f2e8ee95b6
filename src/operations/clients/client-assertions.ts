import { isSignatureLength, usedAssertionHash, verifySignature } from '../../crypto/assertion-keys.ts'
import {
  ASSERTION_FAULTS,
  type AssertedAudience,
  type AssertionFault,
  assertionAlgorithm,
  type CheckedClaims,
  type ClientAssertion,
  checkClientAssertion,
} from '../../domain/client-assertion.ts'
import { algorithmsOf } from '../../domain/client-key.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { isClientId } from '../../domain/service-account.ts'
import type { KeyRecord } from '../../storage/assertion-records.ts'
import type { AccountRecord } from '../../storage/client-records.ts'
import { insertUsedAssertions, type UsedAssertion } from '../../storage/used-assertions.ts'
import type { Dependencies } from '../dependencies.ts'
import { endOfTokens, limitFault } from './account-limits.ts'
import { type Candidate, createCandidateKeys, isValid, type Signed } from './candidate-keys.ts'
import type { FreshClients, FreshKeys } from './fresh-clients.ts'
import { throwUnavailable } from './loaded-realms.ts'
import { type FindPublishedKeys, throwKeysUnavailable } from './published-keys.ts'
import type { LoadedRealm } from './realm-loading.ts'
import { shareReads } from './shared-reads.ts'

export interface AssertionCredentials {
  readonly assertion: ClientAssertion | AssertionFault
  /** By the assertion's own word. */
  readonly clientId: string | undefined
  /** The client_id in the form beside it. */
  readonly named: string | undefined
}

export interface AssertedClient {
  readonly loaded: LoadedRealm
  readonly account: AccountRecord
  /** The thumbprint of the key. */
  readonly secretId: string
  readonly assertedAudience: AssertedAudience
  readonly notAfter?: number
}

/** Assertions noted at once at most. */
const MAX_BATCH = 256

type Deps = Pick<Dependencies, 'assertionDb' | 'clock' | 'failedAttempts' | 'cacheSizes'>

/** What is read about a client that signs. */
export interface AssertionReads extends Pick<FreshClients, 'findWithKeys'> {
  readonly findPublishedKeys: FindPublishedKeys
}

export type AssertionAuthentication = ReturnType<typeof assertionAuthentication>

/** Authentication by a signed assertion (RFC 7523 section 2.2): checks, a signature, and a row that says that it was used. */
export function assertionAuthentication(
  { assertionDb, clock, failedAttempts, cacheSizes }: Deps,
  { findWithKeys, findPublishedKeys }: AssertionReads,
) {
  const candidatesOf = createCandidateKeys(cacheSizes.clientKeys)
  const uses = shareReads(
    (used: readonly UsedAssertion[]) => insertUsedAssertions(assertionDb, used),
    MAX_BATCH,
    { maxReads: 1, areCommits: true },
  )

  async function refuseNetwork(fault: AssertionFault, address: string): Promise<never> {
    await failedAttempts.noteFailure(address)
    refuse(fault)
  }

  /** The key that made the signature. Each attempt is counted before that is worth work. */
  async function proveKey(signed: Presented, { loaded, keys: own, jwksUri }: FreshKeys): Promise<KeyRecord> {
    const { algorithm, signature, assertion, address, clientId } = signed
    const attempt = { realmId: loaded.realm.id, clientId, address }
    let keys = own
    const prove = () =>
      firstOf(candidatesOf(keys, signed, clock()), ({ key }) =>
        verifySignature(algorithm, key, assertion.input, signature),
      )
    // A fetch may be needed, which is work as well.
    const fetchAndProve = async (address: string) => {
      keys = await findPublishedKeys(loaded.realm.id, address, signed.kid).catch(throwKeysUnavailable)
      return prove()
    }
    const proven = await failedAttempts.prove(attempt, () =>
      jwksUri === undefined ? prove() : fetchAndProve(jwksUri),
    )
    if (proven?.record) return proven.record
    refuse(keyFault(signed, keys, clock()))
  }

  return {
    /**
     * @throws UnknownRealmError
     * @throws OAuthError `invalid_client`, the same whatever is wrong; `temporarily_unavailable`
     * @throws TooManyFailuresError
     */
    async authenticate(
      realmName: string,
      { assertion, clientId: subject, named }: AssertionCredentials,
      address: string,
    ): Promise<AssertedClient> {
      const fresh = await findWithKeys(realmName, subject)
      if (typeof assertion === 'string') return refuseNetwork(assertion, address)
      const { loaded, account } = fresh
      const checked = check(assertion, loaded, named, clock())
      if (typeof checked === 'string') return refuseNetwork(checked, address)
      // Texts that cannot be a client_id share one counter.
      const clientId = subject !== undefined && isClientId(subject) ? subject : ''
      const key = await proveKey({ ...checked, assertion, clientId, address }, fresh)
      if (!account || account.disabledAt) refuse('disabled')
      const fault = limitFault(account, address, clock())
      if (fault !== undefined) refuse(fault)
      const hash = usedAssertionHash(loaded.realm.id, clientId, checked.jti)
      const isNew = await uses.load({ hash, expiresAt: checked.expiresAt }).catch(throwUnavailable)
      if (!isNew) return refuseNetwork('used', address)
      const notAfter = endOfTokens(account)
      const client = { loaded, account, secretId: key.thumbprint, assertedAudience: checked.audience }
      return notAfter === undefined ? client : { ...client, notAfter }
    },
  }
}

interface Presented extends Signed {
  readonly assertion: ClientAssertion
  readonly clientId: string
  readonly address: string
}

type Checked = Signed & Extract<CheckedClaims, { jti: string }>

/** All checks but those of key and use. */
function check(
  assertion: ClientAssertion,
  { issuer, realm }: LoadedRealm,
  named: string | undefined,
  now: Date,
): Checked | AssertionFault {
  const algorithm = assertionAlgorithm(assertion)
  if (!algorithm) return 'algorithm'
  const rules = { clientId: named, issuer, audience: realm.assertionAudience, now }
  const checked = checkClientAssertion(assertion, rules)
  if (checked.fault !== undefined) return checked.fault
  const { header, signature } = assertion
  if (!isSignatureLength(algorithm, signature.length)) return 'signature'
  return { ...checked, algorithm, signature, kid: header['kid'] as string | undefined }
}

/** The first that passes. At once where each is decided at once. */
function firstOf(
  candidates: readonly Candidate[],
  passes: (candidate: Candidate) => boolean | Promise<boolean>,
): Candidate | undefined | Promise<Candidate | undefined> {
  const [first, ...others] = candidates
  if (!first) return undefined
  const passed = passes(first)
  if (passed === true) return first
  if (passed === false) return firstOf(others, passes)
  return passed.then((isRight) => (isRight ? first : firstOf(others, passes)))
}

/** For the log: what was wrong with the key. */
function keyFault({ kid, algorithm }: Signed, keys: readonly KeyRecord[], now: Date): AssertionFault {
  const named = keys.filter((key) => (kid === undefined || key.kid === kid) && isValid(key, now))
  if (named.length === 0) return 'key_unknown'
  const isFit = named.some(({ jwk }) => algorithmsOf(JSON.parse(jwk)).includes(algorithm))
  return isFit ? 'signature' : 'key_algorithm'
}

function refuse(fault: AssertionFault): never {
  throw new OAuthError(
    'invalid_client',
    'Client authentication failed.',
    `client assertion, ${fault}: ${ASSERTION_FAULTS[fault]}`,
    'wrong_assertion',
  )
}
