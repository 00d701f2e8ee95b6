import { SERVER_ACTOR } from '../domain/actor.ts'
import { DEFAULT_REALM_SETTINGS, SYSTEM_REALM } from '../domain/realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../domain/role.ts'
import { findRealmByName, listRealms } from '../storage/realms.ts'
import { isRoleHeld } from '../storage/service-accounts.ts'
import type { Dependencies } from './dependencies.ts'
import { createRealmWithKey, type RealmOperations } from './realms.ts'
import type { ServiceAccountOperations, ServiceAccountWithSecret } from './service-accounts.ts'

export interface BootstrapOperations {
  /** Makes a platform administrator where there is none. Says whether it did. */
  bootstrapAdministrator(clientId: string, clientSecret: string): Promise<boolean>
  /** On an empty database, a realm and a service account to try things with. */
  createDemo(): Promise<ServiceAccountWithSecret | undefined>
}

export const DEMO_REALM = 'demo'

export function bootstrapOperations(
  deps: Pick<Dependencies, 'db' | 'clock' | 'sealer'>,
  operations: RealmOperations & ServiceAccountOperations,
): BootstrapOperations {
  const { db } = deps

  async function openSystemRealm(): Promise<string> {
    const realm = await findRealmByName(db, SYSTEM_REALM)
    if (realm) return realm.id
    const settings = { ...DEFAULT_REALM_SETTINGS, displayName: 'Platform administration' }
    return createRealmWithKey(deps, SERVER_ACTOR, SYSTEM_REALM, settings).then(
      (created) => created.id,
      (error: unknown) => {
        if (error instanceof Refusal && error.code === 'name_taken') return openSystemRealm()
        throw error
      },
    )
  }

  return {
    async bootstrapAdministrator(clientId, clientSecret) {
      if (await isRoleHeld(db, await openSystemRealm(), PLATFORM_ADMIN)) return false
      try {
        await operations.createServiceAccount(SERVER_ACTOR, SYSTEM_REALM, {
          name: 'Bootstrap administrator',
          roles: [PLATFORM_ADMIN],
          imported: { clientId, clientSecret },
        })
        return true
      } catch (error) {
        // Another node that starts at the same time was faster.
        if (error instanceof Refusal && /_taken$/.test(error.code)) return false
        throw error
      }
    },

    async createDemo() {
      if ((await listRealms(db, '', 1)).length > 0) return undefined
      await operations.createRealm(SERVER_ACTOR, DEMO_REALM, { displayName: 'Demo' })
      return operations.createServiceAccount(SERVER_ACTOR, DEMO_REALM, { name: 'demo' })
    },
  }
}
