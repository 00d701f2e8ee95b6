import { type Actor, SERVER_ACTOR } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { earlier, earliestActivation, nextRotationStep, type RotationStep } from '../../domain/signing-key.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import {
  type DatabaseTransaction,
  isDatabaseAway,
  isOfSomeRows,
  type TransactionOptions,
} from '../../storage/database.ts'
import { updateRealmRotation } from '../../storage/realms.ts'
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
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { createDueRealms } from './due-realms.ts'
import { lockRealmNamed, realmNamed } from './named-realm.ts'
import { sealNewKey, sealPublicHalf } from './sealed-keys.ts'
import { type SpareKeys, withSpareKeys } from './spare-keys.ts'

export type PublishedKey = Omit<StoredSigningKey, 'sealedPrivateJwk'>

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'log' | 'refusals'>

/** A realm that is held by another session for longer gets its turn later. */
const IN_TURN = { statementMilliseconds: 400 }

export type SigningKeys = ReturnType<typeof signingKeys>

export function signingKeys(deps: Deps) {
  const { db, clock, refusals } = deps
  const due = createDueRealms(deps)

  async function changeKeys<T>(
    actor: Actor,
    realmName: string,
    change: (trx: DatabaseTransaction, realm: Realm, spares: SpareKeys) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
    permit(actor)
    return withSpareKeys((spares) =>
      inChange(
        deps,
        { actor, permit, realmName, ...(options && { options }) },
        async ({ trx, checkVersion }) => {
          const unused = spares()
          const realm = await lockRealmNamed(trx, realmName)
          checkVersion(realm.version, 'the realm')
          const result = await change(trx, realm, unused)
          await followSchedule(deps, trx, realm, unused)
          return result
        },
      ),
    )
  }

  return {
    list(actor: Actor, realmName: string): Promise<PublishedKey[]> {
      return refusals.ofRead({ actor, action: 'key.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        return (await listSigningKeys(db, id)).map(withoutPrivateHalf)
      })
    },

    /** Publishes the next key now, to sign as soon as every cache can know it. Returns that key. */
    rotate(actor: Actor, realmName: string): Promise<PublishedKey> {
      return refusals.ofChange({ actor, action: 'key.rotate', realm: realmName }, () =>
        changeKeys(actor, realmName, async (trx, realm, spares) => {
          const next = await publishNext(deps, trx, realm, spares)
          const event = done(actor, 'key.rotate', next.kid, { activates_at: next.activatesAt })
          await insertAuditEvent(trx, realm, event, clock())
          return withoutPrivateHalf(next)
        }),
      )
    },

    /** Drops a compromised key at once; what it signed is refused at the next look at the JWKS. */
    revoke(actor: Actor, realmName: string, kid: string): Promise<void> {
      return refusals.ofChange({ actor, action: 'key.revoke', realm: realmName, target: kid }, () =>
        changeKeys(actor, realmName, async (trx, realm) => {
          if (!(await deleteSigningKey(trx, realm.id, kid)))
            throw new Refusal('not_found', `Realm ${realmName} has no key ${kid}.`, 'kid')
          await updateRealmRotation(trx, realm.id, clock(), true)
          await insertAuditEvent(trx, realm, done(actor, 'key.revoke', kid), clock())
        }),
      )
    },

    /**
     * Does whatever the schedules of all realms ask for by now. Returns how many realms were seen to.
     * @throws AggregateError of those where it failed, after the others
     */
    async rotateDue(): Promise<number> {
      const names = await due.next()
      const failed = new Map<string, unknown>()
      for (const name of names) {
        try {
          await changeKeys(SERVER_ACTOR, name, async () => {}, IN_TURN)
          due.worked(name)
        } catch (error) {
          // Another node, or the realm's deletion, may have been faster.
          if (error instanceof Refusal) continue
          if (isDatabaseAway(error) && !isOfSomeRows(error)) throw error
          failed.set(name, error)
          due.failed(name, error)
        }
      }
      if (failed.size > 0)
        throw new AggregateError(failed.values(), `No step was taken in ${[...failed.keys()].join(', ')}.`)
      return names.length
    },
  }
}

async function publishNext(
  deps: Deps,
  trx: DatabaseTransaction,
  realm: Realm,
  spares: SpareKeys,
): Promise<StoredSigningKey> {
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

/** Takes the steps that are due, within the transaction that holds the realm's row. */
async function followSchedule(
  deps: Deps,
  trx: DatabaseTransaction,
  realm: Realm,
  spares: SpareKeys,
): Promise<void> {
  let changed = false
  for (;;) {
    const now = deps.clock()
    const step = nextRotationStep(await listSigningKeys(trx, realm.id), realm, now)
    if (step.kind === 'none') return updateRealmRotation(trx, realm.id, step.dueAt, changed)
    const kid = await takeStep(deps, trx, realm, step, now, spares)
    await insertAuditEvent(trx, realm, done(SERVER_ACTOR, `key.${step.kind}`, kid), now)
    changed = true
  }
}

async function takeStep(
  deps: Deps,
  trx: DatabaseTransaction,
  realm: Realm,
  step: Exclude<RotationStep, { kind: 'none' }>,
  now: Date,
  spares: SpareKeys,
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

/** What no longer signs loses its private half at once; the public one stays sealed, to be published. */
async function retireCurrent(deps: Deps, trx: DatabaseTransaction, realm: Realm, now: Date): Promise<void> {
  for (const key of (await listSigningKeys(trx, realm.id)).filter(({ state }) => state === 'current')) {
    const sealedPrivateJwk = sealPublicHalf(deps.sealer, realm.id, key)
    await updateSealedSigningKey(trx, { ...key, realmId: realm.id, sealedPrivateJwk })
  }
  await updateSigningKeyRetired(trx, realm.id, now)
}

function withoutPrivateHalf({ sealedPrivateJwk: _, ...key }: StoredSigningKey): PublishedKey {
  return key
}
