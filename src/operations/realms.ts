import type { Actor } from '../domain/actor.ts'
import { requireAuthority, requirePlatformAuthority } from '../domain/authority.ts'
import {
  checkRealmName,
  checkRealmSettings,
  DEFAULT_REALM_SETTINGS,
  type Realm,
  type RealmSettings,
} from '../domain/realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { nextRotationStep } from '../domain/signing-key.ts'
import { insertAuditEvent } from '../storage/audit-events.ts'
import { inTransaction } from '../storage/database.ts'
import { findRealmByName, insertRealm, listRealms, updateRealmRotation } from '../storage/realms.ts'
import { insertSigningKey } from '../storage/signing-keys.ts'
import type { Dependencies } from './dependencies.ts'
import { sealNewKey } from './signing-keys.ts'

export interface RealmOperations {
  /** @throws Refusal `invalid`, `name_taken` */
  createRealm(actor: Actor, name: string, settings?: Partial<RealmSettings>): Promise<Realm>
  /** A page in order of name, of those that the actor may see. */
  listRealms(actor: Actor, after: string, limit: number): Promise<Realm[]>
  /** @throws Refusal `not_found`, `forbidden` */
  findRealm(actor: Actor, name: string): Promise<Realm>
}

export function unknownRealm(name: string): Refusal {
  return new Refusal('not_found', `There is no realm ${name}.`, 'realm')
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer'>

export function realmOperations(deps: Deps): RealmOperations {
  return {
    async createRealm(actor, name, settings = {}) {
      requirePlatformAuthority(actor)
      checkRealmName(name)
      return createRealmWithKey(deps, actor, name, { ...DEFAULT_REALM_SETTINGS, ...settings })
    },

    async listRealms(actor, after, limit) {
      if (actor.authority.platform) return listRealms(deps.db, after, limit)
      const { realm: own } = actor.authority
      requireAuthority(actor, own, 'view')
      const realm = own > after ? await findRealmByName(deps.db, own) : undefined
      return realm ? [realm] : []
    },

    async findRealm(actor, name) {
      requireAuthority(actor, name, 'view')
      const realm = await findRealmByName(deps.db, name)
      if (!realm) throw unknownRealm(name)
      return realm
    },
  }
}

/** A realm is never without a key to sign with. */
export async function createRealmWithKey(
  { db, clock, sealer }: Deps,
  actor: Actor,
  name: string,
  settings: RealmSettings,
): Promise<Realm> {
  checkRealmSettings(settings)
  const now = clock()
  const key = await sealNewKey({ sealer }, settings.algorithm, 'current', now, now)
  return inTransaction(db, async (trx) => {
    const realm = await insertRealm(trx, name, settings, now)
    if (!realm) throw new Refusal('name_taken', `There is a realm ${name} already.`, 'name')
    await insertSigningKey(trx, realm.id, key)
    const step = nextRotationStep([key], realm, now)
    await updateRealmRotation(trx, realm.id, step.kind === 'none' ? step.dueAt : now, false)
    const details = { algorithm: settings.algorithm, kid: key.kid }
    await insertAuditEvent(
      trx,
      realm,
      { actor, action: 'realm.create', target: name, outcome: 'done', details },
      now,
    )
    return realm
  })
}
