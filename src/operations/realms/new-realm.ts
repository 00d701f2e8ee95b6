import { generateSigningKey } from '../../crypto/signing.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requirePlatformAuthority } from '../../domain/authority.ts'
import { fitToPolicy } from '../../domain/policy.ts'
import { checkRealmName, DEFAULT_REALM_SETTINGS, type Realm, type RealmSettings } from '../../domain/realm.ts'
import { checkRealmSettings } from '../../domain/realm-settings.ts'
import { Refusal } from '../../domain/refusal.ts'
import { nextRotationStep } from '../../domain/signing-key.ts'
import { requireRoomForScopes } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { findPolicy } from '../../storage/policy.ts'
import { updateRealmRotation } from '../../storage/realm-rotation.ts'
import { insertRealm } from '../../storage/realms.ts'
import { insertSigningKey } from '../../storage/signing-keys.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { sealNewKey } from './sealed-keys.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'publicUrl'>

/** Absent settings follow the policy. @throws Refusal `forbidden`, `invalid`, `name_taken` */
export async function createRealm(
  deps: Deps,
  actor: Actor,
  name: string,
  settings: Partial<RealmSettings>,
): Promise<Realm> {
  checkRealmName(name)
  const defaults = fitToPolicy(DEFAULT_REALM_SETTINGS, (await findPolicy(deps.db)).policy)
  return createRealmWithKey(deps, actor, name, { ...defaults, ...settings })
}

/** A realm always has a key to sign with. */
export async function createRealmWithKey(
  deps: Deps,
  actor: Actor,
  name: string,
  settings: RealmSettings,
): Promise<Realm> {
  requirePlatformAuthority(actor)
  checkRealmSettings(settings)
  requireRoomForScopes(deps.publicUrl, { name, ...settings })
  const now = deps.clock()
  const made = await generateSigningKey(settings.algorithm)
  return inChange(deps, { actor, permit: requirePlatformAuthority }, async ({ trx, checkVersion }) => {
    checkVersion(null, 'the list')
    const realm = await insertRealm(trx, name, settings, now)
    if (!realm) throw new Refusal('name_taken', `There is a realm ${name} already.`, 'name')
    const key = sealNewKey(deps.sealer, realm, made, { state: 'current', now, activatesAt: now })
    await insertSigningKey(trx, realm.id, key)
    const step = nextRotationStep([key], realm, now)
    await updateRealmRotation(trx, realm.id, step.kind === 'none' ? step.dueAt : now, false)
    const details = { algorithm: settings.algorithm, kid: key.kid }
    await insertAuditEvent(trx, realm, done(actor, 'realm.create', name, details), now)
    return realm
  })
}
