import { SERVER_ACTOR } from '../../domain/actor.ts'
import { DEFAULT_REALM_SETTINGS, type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { findRealmByName } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { ifFirst } from './if-first.ts'
import { createRealmWithKey } from './new-realm.ts'

/** The realm of the platform's administrators, made where it is not there yet. */
export async function openSystemRealm(
  deps: Pick<Dependencies, 'db' | 'clock' | 'sealer' | 'publicUrl'>,
): Promise<Realm> {
  const realm = await findRealmByName(deps.db, SYSTEM_REALM)
  if (realm) return realm
  const settings = { ...DEFAULT_REALM_SETTINGS, displayName: 'Platform administration' }
  const created = await ifFirst(createRealmWithKey(deps, SERVER_ACTOR, SYSTEM_REALM, settings))
  return created ?? openSystemRealm(deps)
}
