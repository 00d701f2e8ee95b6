import { SERVER_ACTOR } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import type { Realm } from '../../domain/realm.ts'
import { earlier, earliestActivation, nextRotationStep, type RotationStep } from '../../domain/signing-key.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { updateRealmRotation } from '../../storage/realm-rotation.ts'
import {
  deleteSigningKey,
  insertSigningKey,
  listSigningKeys,
  type StoredSigningKey,
  updateSealedSigningKey,
  updateSigningKeyActivation,
  updateSigningKeyCurrent,
  updateSigningKeyRetired,
} from '../../storage/signing-keys.ts'
import type { Dependencies } from '../dependencies.ts'
import { sealNewKey, sealPublicHalf } from './sealed-keys.ts'
import type { SpareKeys } from './spare-keys.ts'

type Deps = Pick<Dependencies, 'clock' | 'sealer'>

/** A realm whose row the transaction holds. */
export interface HeldRealm {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  /** Keys made before the transaction began. */
  readonly spares: SpareKeys
}

/** Publishes the next key, to sign as soon as every cache can know it. */
export async function publishNext(deps: Deps, { trx, realm, spares }: HeldRealm): Promise<StoredSigningKey> {
  const now = deps.clock()
  const waiting = (await listSigningKeys(trx, realm.id)).find((key) => key.state === 'next')
  if (!waiting || waiting.algorithm !== realm.algorithm) {
    if (waiting) await deleteSigningKey(trx, realm.id, waiting.kid)
    const schedule = { state: 'next', now, activatesAt: earliestActivation(now, realm) } as const
    const key = sealNewKey(deps.sealer, realm, spares.take(realm.algorithm), schedule)
    await insertSigningKey(trx, realm.id, key)
    await updateRealmRotation(trx, realm.id, now, true)
    return key
  }
  const activatesAt = earlier(earliestActivation(waiting.publishedAt, realm), waiting.activatesAt)
  await updateSigningKeyActivation(trx, realm.id, waiting.kid, activatesAt)
  return { ...waiting, activatesAt }
}

/** Takes the due steps, in the transaction that has locked the realm's row. */
export async function followSchedule(deps: Deps, held: HeldRealm): Promise<void> {
  const { trx, realm } = held
  let changed = false
  for (;;) {
    const now = deps.clock()
    const step = nextRotationStep(await listSigningKeys(trx, realm.id), realm, now)
    if (step.kind === 'none') return updateRealmRotation(trx, realm.id, step.dueAt, changed)
    const kid = await takeStep(deps, held, step, now)
    await insertAuditEvent(trx, realm, done(SERVER_ACTOR, `key.${step.kind}`, kid), now)
    changed = true
  }
}

async function takeStep(
  deps: Deps,
  { trx, realm, spares }: HeldRealm,
  step: Exclude<RotationStep, { kind: 'none' }>,
  now: Date,
): Promise<string> {
  switch (step.kind) {
    case 'create-current':
    case 'create-next': {
      const state = step.kind === 'create-current' ? 'current' : 'next'
      const activatesAt = step.kind === 'create-current' ? now : step.activatesAt
      const key = sealNewKey(deps.sealer, realm, spares.take(realm.algorithm), { state, now, activatesAt })
      await insertSigningKey(trx, realm.id, key)
      return key.kid
    }
    case 'promote-next':
      await retireCurrent(deps, trx, realm, now)
      await updateSigningKeyCurrent(trx, realm.id, step.kid, now)
      return step.kid
    case 'replace-next':
    case 'remove-retired':
      await deleteSigningKey(trx, realm.id, step.kid)
      return step.kid
  }
}

/** A retired key loses its private half at once; its public half stays sealed, to be published. */
async function retireCurrent(deps: Deps, trx: DatabaseTransaction, realm: Realm, now: Date): Promise<void> {
  for (const key of (await listSigningKeys(trx, realm.id)).filter(({ state }) => state === 'current')) {
    const sealedPrivateJwk = sealPublicHalf(deps.sealer, realm.id, key)
    await updateSealedSigningKey(trx, { ...key, realmId: realm.id, sealedPrivateJwk })
  }
  await updateSigningKeyRetired(trx, realm.id, now)
}
