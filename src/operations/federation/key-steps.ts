import { keysFor, type SignatureOutcome, verifyPlatformToken } from '../../crypto/platform-keys.ts'
import { duration, type ExplainedStep } from '../../domain/explanation.ts'
import { type KeySource, KeysUnavailableError, type PublishedKey } from '../../domain/key-source.ts'
import { platformAlgorithm } from '../../domain/platform-algorithm.ts'
import type { PlatformToken, PlatformTokenFault } from '../../domain/platform-token.ts'
import type { TokenCheck } from '../../domain/platform-token-steps.ts'
import type { TrustedIssuer, UploadedKey } from '../../domain/trusted-issuer.ts'
import type { FetchedKeys, SourceState } from './fetched-keys.ts'

interface Signed {
  readonly realm: { readonly id: string }
  readonly token: PlatformToken
  readonly issuer: TrustedIssuer | undefined
  readonly check: TokenCheck
}

/** What can be said about the keys of an issuer. */
interface FoundKeys {
  /** `undefined`: they cannot be had. */
  readonly keys: readonly PublishedKey[] | undefined
  readonly note: string | undefined
}

/** Whether the issuer has the key, and whether that made the signature. */
export async function keySteps(
  fetched: Pick<FetchedKeys, 'find' | 'describe'>,
  { realm, token, issuer, check }: Signed,
): Promise<ExplainedStep[]> {
  if (!issuer) return [unchecked('key'), unchecked('signature')]
  const { kid, alg } = token.header
  const named = typeof kid === 'string' ? kid : undefined
  const { keys, note } = await keysOf(fetched, realm.id, issuer.keys, { kid: named, now: check.now })
  const fitting = keys && keysFor(keys, named)
  const kids = keys?.map((key) => key.kid ?? null) ?? []
  const fault: PlatformTokenFault | undefined =
    keys === undefined ? 'keys_unavailable' : fitting?.length === 0 ? 'key_unknown' : undefined
  const key: ExplainedStep = {
    step: 'key',
    ok: fault === undefined,
    expected: { kids },
    found: { kid: kid ?? null },
    note,
    fault,
  }
  const algorithm = platformAlgorithm(alg)
  if (!keys || fault !== undefined || !algorithm) return [key, unchecked('signature')]
  const { input, signature } = token
  return [
    key,
    signatureStep(await verifyPlatformToken(keys, { algorithm, kid: named, input, signature }), algorithm),
  ]
}

function signatureStep(outcome: SignatureOutcome, algorithm: string): ExplainedStep {
  const fault = outcome === 'right' ? undefined : outcome
  return {
    step: 'signature',
    ok: fault === undefined,
    expected: `made by a key of the issuer with ${algorithm}`,
    found: fault === undefined ? 'right' : fault === 'signature' ? 'wrong' : 'no key for this algorithm',
    note: undefined,
    fault,
  }
}

function unchecked(step: string): ExplainedStep {
  return {
    step,
    ok: undefined,
    expected: null,
    found: null,
    note: 'Not checked: an earlier step failed.',
    fault: undefined,
  }
}

async function keysOf(
  { find, describe }: Pick<FetchedKeys, 'find' | 'describe'>,
  realmId: string,
  source: TrustedIssuer['keys'],
  { kid, now }: { readonly kid: string | undefined; readonly now: Date },
): Promise<FoundKeys> {
  if (source.kind === 'jwks')
    return { keys: source.keys.map(toPublished), note: 'The keys were uploaded; none are fetched.' }
  const keys = await find(realmId, source, kid).then(
    (found) => found.keys,
    (error: unknown) => {
      if (error instanceof KeysUnavailableError) return undefined
      throw error
    },
  )
  return { keys, note: noteOn(source, await describe(realmId, source), now) }
}

function toPublished({ kid, ...jwk }: UploadedKey): PublishedKey {
  return { kid, jwk }
}

/** When keys were fetched, and how that went. */
function noteOn({ address }: KeySource, state: SourceState, now: Date): string {
  const ago = (time: Date) => duration((now.getTime() - time.getTime()) / 1000)
  const parts = [
    state.fetchedAt
      ? `The keys were fetched from ${address} ${ago(state.fetchedAt)} ago.`
      : `No keys have been fetched from ${address} yet.`,
  ]
  if (state.fault !== undefined && state.attemptedAt)
    parts.push(
      `The last attempt, ${ago(state.attemptedAt)} ago, failed: ${state.fault}. Attempts have failed for ${ago(state.failedSince ?? state.attemptedAt)}.`,
    )
  if (state.skipped.length > 0)
    parts.push(`${state.skipped.length} of the keys there cannot be used: ${state.skipped[0]}.`)
  return parts.join(' ')
}
