import { type Actor, SERVER_ACTOR } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { READERS_MAY_LAG } from '../../storage/commit-waits.ts'
import { isDatabaseAway, isOfSomeRows, type TransactionOptions } from '../../storage/database.ts'
import { updateRealmRotation } from '../../storage/realm-rotation.ts'
import { deleteSigningKey, listSigningKeys, type StoredSigningKey } from '../../storage/signing-keys.ts'
import { tellWebhooks } from '../../storage/webhook-events.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { createDueRealms } from './due-realms.ts'
import { followSchedule, type HeldRealm, publishNext } from './key-steps.ts'
import { lockRealmNamed, realmNamed } from './named-realm.ts'
import { withSpareKeys } from './spare-keys.ts'

export type PublishedKey = Omit<StoredSigningKey, 'sealedPrivateJwk'>

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'log' | 'refusals'>

/** Maximum wait for a realm that another session has locked; its turn comes again later. */
const IN_TURN = { statementMilliseconds: 400, ...READERS_MAY_LAG }

export type SigningKeys = ReturnType<typeof signingKeys>

export function signingKeys(deps: Deps) {
  const { db, clock, refusals } = deps
  const due = createDueRealms(deps)

  async function changeKeys<T>(
    actor: Actor,
    realmName: string,
    change: (held: HeldRealm) => Promise<T>,
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
          const result = await change({ trx, realm, spares: unused })
          await followSchedule(deps, { trx, realm, spares: unused })
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

    /** Publishes the next key now; it signs once every cache can know it. Returns that key. */
    rotate(actor: Actor, realmName: string): Promise<PublishedKey> {
      return refusals.ofChange({ actor, action: 'key.rotate', realm: realmName }, () =>
        changeKeys(actor, realmName, async (held) => {
          const next = await publishNext(deps, held)
          const event = done(actor, 'key.rotate', next.kid, { activates_at: next.activatesAt })
          await insertAuditEvent(held.trx, held.realm, event, clock())
          return withoutPrivateHalf(next)
        }),
      )
    },

    /** Removes a compromised key at once; its tokens are refused as soon as a validator fetches the JWKS again. */
    revoke(actor: Actor, realmName: string, kid: string): Promise<void> {
      return refusals.ofChange({ actor, action: 'key.revoke', realm: realmName, target: kid }, () =>
        changeKeys(actor, realmName, async ({ trx, realm }) => {
          if (!(await deleteSigningKey(trx, realm.id, kid)))
            throw new Refusal('not_found', `Realm ${realmName} has no key ${kid}.`, 'kid')
          await updateRealmRotation(trx, realm.id, clock(), true)
          const now = clock()
          await insertAuditEvent(trx, realm, done(actor, 'key.revoke', kid), now)
          const told = { type: 'signing_key.revoked', occurrence: kid, data: { kid } } as const
          await tellWebhooks(trx, { realm, now }, [told])
        }),
      )
    },

    /**
     * Takes the due rotation steps of all realms. Returns how many realms it handled.
     * @throws AggregateError of the failed realms, after all others are done
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

function withoutPrivateHalf({ sealedPrivateJwk: _, ...key }: StoredSigningKey): PublishedKey {
  return key
}
