import { idempotencyKeyHash, requestFingerprint } from '../../crypto/idempotency.ts'
import type { Actor } from '../../domain/actor.ts'
import {
  IDEMPOTENCY_KEY_SECONDS,
  type KeptAnswer,
  MAX_IDEMPOTENCY_KEYS,
  MAX_KEPT_ANSWER,
  withoutSecrets,
} from '../../domain/idempotency-key.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  countIdempotencyKeys,
  deleteIdempotencyKey,
  findIdempotencyKey,
  insertIdempotencyKey,
  updateIdempotencyKey,
} from '../../storage/idempotency-keys.ts'
import type { Dependencies } from '../dependencies.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'verifierKey' | 'log'>

/** A request that is made for the first time with its key. */
export interface BegunRequest {
  readonly hash: Buffer
}

export type Idempotency = ReturnType<typeof idempotency>

export function idempotency({ db, clock, verifierKey, log }: Deps) {
  return {
    /**
     * @param request all that it consists of
     * @returns what was answered before, or the request that begins now
     * @throws Refusal `key_reused`, `conflict`, `limit_reached`
     */
    async begin(actor: Actor, key: string, request: string): Promise<KeptAnswer | BegunRequest> {
      const hash = idempotencyKeyHash(actor.id, key)
      const fingerprint = requestFingerprint(request, verifierKey)
      const now = clock()
      const expiresAt = new Date(now.getTime() + IDEMPOTENCY_KEY_SECONDS * 1000)
      const count = await countIdempotencyKeys(db, actor.id, MAX_IDEMPOTENCY_KEYS)
      if (count < MAX_IDEMPOTENCY_KEYS) {
        if (await insertIdempotencyKey(db, { hash, actor: actor.id, fingerprint, expiresAt }, now))
          return { hash }
      }
      const kept = await findIdempotencyKey(db, hash)
      if (!kept && count >= MAX_IDEMPOTENCY_KEYS) throw tooMany()
      // It was refused meanwhile, and may be sent again.
      if (!kept) throw underWay()
      if (!kept.fingerprint.equals(fingerprint)) throw reused()
      if (!kept.answer) throw underWay()
      return kept.answer
    },

    /** Keeps what is answered, without secrets. A fault leaves the request without a known outcome. */
    async finish({ hash }: BegunRequest, answer: KeptAnswer): Promise<void> {
      if (answer.body.length > MAX_KEPT_ANSWER) return
      await updateIdempotencyKey(db, hash, { ...answer, body: withoutSecrets(answer.body) }).catch(
        (error: Error) => log('the answer to a request with an Idempotency-Key could not be kept', error),
      )
    },

    /** It was refused, so nothing was done: it may be sent again. */
    async abandon({ hash }: BegunRequest): Promise<void> {
      await deleteIdempotencyKey(db, hash).catch((error: Error) =>
        log('an Idempotency-Key of a refused request could not be deleted', error),
      )
    },
  }
}

function reused(): Refusal {
  return new Refusal(
    'key_reused',
    'Another request was sent with this Idempotency-Key: use a key of its own for each.',
    'Idempotency-Key',
  )
}

function underWay(): Refusal {
  return new Refusal(
    'conflict',
    'A request with this Idempotency-Key is under way, or ended without a known outcome: read what is there before you send it with another key.',
    'Idempotency-Key',
  )
}

function tooMany(): Refusal {
  const most = MAX_IDEMPOTENCY_KEYS
  const detail = `An administrator has ${most} Idempotency-Keys in 24 hours at most: send this without one.`
  return new Refusal('limit_reached', detail, 'Idempotency-Key', most)
}
