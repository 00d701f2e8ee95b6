import { type SignatureOutcome, verifyPlatformToken } from '../../crypto/platform-keys.ts'
import { KeysUnavailableError, type PublishedKeys } from '../../domain/key-source.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { platformAlgorithm } from '../../domain/platform-algorithm.ts'
import type { PlatformToken } from '../../domain/platform-token.ts'
import { isClientId } from '../../domain/service-account.ts'
import type { WorkloadRecord } from '../../storage/workload-records.ts'
import type { Dependencies } from '../dependencies.ts'
import type { FetchedKeys } from './fetched-keys.ts'
import type { IssuerRefusals } from './issuer-refusals.ts'
import type { KnownIssuer } from './realm-issuers.ts'
import { verifiedTokens } from './verified-tokens.ts'

/** A token to verify, with the rows that it was looked up with. */
export interface SignedToken {
  readonly token: PlatformToken
  readonly text: string
  readonly known: KnownIssuer
  readonly record: WorkloadRecord
  readonly clientId: string | undefined
  readonly address: string
}

interface Parts {
  readonly issuerKeys: Pick<FetchedKeys, 'find'>
  readonly issuerRefusals: Pick<IssuerRefusals, 'note'>
}

/** Whether the issuer signed a token: uploaded keys alone where there are some, else those that it publishes. */
export function tokenSignatures(
  { failedAttempts }: Pick<Dependencies, 'failedAttempts'>,
  { issuerKeys, issuerRefusals }: Parts,
) {
  const verified = verifiedTokens()

  async function keysOf(signed: SignedToken): Promise<PublishedKeys> {
    const { token, known, record, clientId, address } = signed
    const { issuer, uploaded } = known
    if (uploaded) return uploaded
    if (issuer.keys.kind === 'jwks') throw new TypeError('uploaded keys are not fetched')
    try {
      return await issuerKeys.find(record.realmId, issuer.keys, token.header['kid'] as string | undefined)
    } catch (error) {
      if (!(error instanceof KeysUnavailableError)) throw error
      const reason = 'keys_unavailable'
      const subject = token.claims['sub']
      const { realmId } = record
      issuerRefusals.note({ realmId, issuerId: issuer.id, reason, subject, clientId, address })
      const text = 'The keys of the platform cannot be had just now. Try again shortly.'
      throw new OAuthError(
        'temporarily_unavailable',
        text,
        `platform token, keys_unavailable: ${error.message}`,
      )
    }
  }

  async function check(signed: SignedToken, digest: string): Promise<SignatureOutcome> {
    const { token, known, record } = signed
    const keys = await keysOf(signed)
    const algorithm = platformAlgorithm(token.header['alg'])
    if (!algorithm) return 'key_algorithm'
    const outcome = await verifyPlatformToken(keys.keys, {
      algorithm,
      kid: token.header['kid'] as string | undefined,
      input: token.input,
      signature: token.signature,
    })
    if (outcome === 'right') verified.add(digest, record.realmId, known.issuer, keys.version)
    return outcome
  }

  return {
    /** Each attempt is counted before it is worth work; a token that was verified before is worth none. */
    async verify(signed: SignedToken): Promise<SignatureOutcome> {
      const { known, record, text, address } = signed
      const digest = verified.digestOf(text)
      if (verified.isKnown(digest)) {
        const { version } = await keysOf(signed)
        if (verified.has(digest, record.realmId, known.issuer, version)) return 'right'
      }
      let outcome: SignatureOutcome = 'signature'
      const attempt = { realmId: record.realmId, clientId: clientOf(signed), address }
      await failedAttempts.prove(attempt, async () => {
        outcome = await check(signed, digest)
        return outcome === 'right' ? true : undefined
      })
      return outcome
    },
  }
}

/** Whose attempts these are: the only account that it may be, or what it says; texts that are none share one counter. */
function clientOf({ record: { candidates }, clientId }: SignedToken): string {
  const [first] = candidates
  if (first && candidates.every(({ account }) => account.clientId === first.account.clientId))
    return first.account.clientId
  return clientId !== undefined && isClientId(clientId) ? clientId : ''
}
