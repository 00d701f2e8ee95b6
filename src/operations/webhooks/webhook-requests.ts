import type { IncomingMessage } from 'node:http'
import { signDetached, WEBHOOK_JWS_TYPE } from '../../crypto/detached-jws.ts'
import { importSigner, type Signer } from '../../crypto/signing.ts'
import { issuerOf } from '../../domain/realm.ts'
import type { WebhookDelivery } from '../../domain/webhook.ts'
import { listSigningKeys } from '../../storage/signing-keys.ts'
import type { LeasedWebhook } from '../../storage/webhook-turns.ts'
import type { Dependencies } from '../dependencies.ts'
import { guardedRequest } from '../federation/guarded-request.ts'
import { KeyFetchError } from '../federation/key-fetch-error.ts'
import { signingKeyContext } from '../realms/sealed-keys.ts'

/** Time limit of connection, request and answer together. */
const TIMEOUT_MILLISECONDS = 15_000

/** Most bytes of an answer that are read: only its status counts. */
const MAX_ANSWER_BYTES = 16 * 1024

export type Outcome =
  | { readonly kind: 'delivered'; readonly answered: number }
  | { readonly kind: 'failed' | 'gone'; readonly answered: number | undefined; readonly fault: string }
  /** This process ends: nothing is known. */
  | { readonly kind: 'cut' }

type Deps = Pick<Dependencies, 'db' | 'sealer' | 'publicUrl' | 'clock' | 'webhookSending'>

export type WebhookRequests = ReturnType<typeof webhookRequests>

/** Requests to web hooks: signed by the realm's key, and sent where they may go. */
export function webhookRequests({ db, sealer, publicUrl, clock, webhookSending }: Deps) {
  const request = guardedRequest(webhookSending)
  const { timeoutMilliseconds = TIMEOUT_MILLISECONDS } = webhookSending

  async function signed(
    { url, realmName }: LeasedWebhook,
    { id, body }: WebhookDelivery,
    signer: Signer,
  ): Promise<Record<string, string>> {
    const iat = Math.floor(clock().getTime() / 1000)
    // Header parameters, so that the payload is the body alone: it has nothing that a token must have.
    const header = { typ: WEBHOOK_JWS_TYPE, iss: issuerOf(publicUrl, realmName), aud: url, iat, jti: id }
    return {
      'content-type': 'application/json',
      'user-agent': 'Mintmark-Webhooks',
      'webhook-id': id,
      'webhook-timestamp': String(iat),
      'webhook-signature': `jws,${await signDetached(body, header, signer)}`,
      'content-length': String(Buffer.byteLength(body)),
    }
  }

  return {
    /** The realm's current key. */
    async signerOf({ realmId, realmName }: LeasedWebhook): Promise<Signer> {
      const key = (await listSigningKeys(db, realmId)).find(({ state }) => state === 'current')
      if (!key) throw new Error(`realm ${realmName} has no current key`)
      const jwk = sealer.open(key.sealedPrivateJwk, signingKeyContext(realmId, key))
      return importSigner(key.kid, key.algorithm, jwk)
    },

    async send(
      webhook: LeasedWebhook,
      delivery: WebhookDelivery,
      signer: Signer,
      ended: AbortSignal,
    ): Promise<Outcome> {
      const signal = AbortSignal.any([ended, AbortSignal.timeout(timeoutMilliseconds)])
      const headers = await signed(webhook, delivery, signer)
      try {
        const answer = await request(webhook.url, { method: 'POST', headers, body: delivery.body, signal })
        await readSome(answer)
        return outcomeOf(answer.statusCode ?? 0)
      } catch (error) {
        if (ended.aborted) return { kind: 'cut' }
        if (!(error instanceof KeyFetchError)) throw error
        return { kind: 'failed', answered: undefined, fault: faultOf(error) }
      }
    },
  }
}

function outcomeOf(answered: number): Outcome {
  if (answered >= 200 && answered < 300) return { kind: 'delivered', answered }
  if (answered >= 300 && answered < 400)
    return {
      kind: 'failed',
      answered,
      fault: `it redirects (status ${answered}), which is not followed: use the address that it leads to`,
    }
  if (answered === 410) return { kind: 'gone', answered, fault: 'it is gone (status 410)' }
  return { kind: 'failed', answered, fault: `it answered with status ${answered}` }
}

/** A connection that is cut before its answer was read would look like a fault to the receiver. */
async function readSome(answer: IncomingMessage): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length
      if (bytes > MAX_ANSWER_BYTES) return
    }
  } catch {
    // The status has come.
  } finally {
    answer.destroy()
  }
}

/** Describes a fault to administrators of the realm, without details of the network. */
function faultOf({ fault, description }: KeyFetchError): string {
  return fault === 'network' ? NETWORK : description
}

const NETWORK =
  'the address is in a network that the operator has not allowed: WEBHOOK_NETWORKS names such networks'
