import { SERVER_ACTOR } from '../../domain/actor.ts'
import { SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import { isActionRecorded } from '../../storage/audit-events.ts'
import { isRoleHeld } from '../../storage/held-roles.ts'
import { findRealmByName, listRealms } from '../../storage/realms.ts'
import type { Dependencies } from '../dependencies.ts'
import { ifFirst } from '../realms/if-first.ts'
import { createRealm } from '../realms/new-realm.ts'
import { openSystemRealm } from '../realms/system-realm.ts'
import { createServiceAccount, type ServiceAccountWithSecret } from './new-service-account.ts'

export const DEMO_REALM = 'demo'

type Deps = Pick<
  Dependencies,
  'db' | 'clock' | 'sealer' | 'publicUrl' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'log'
>

export type Bootstrap = ReturnType<typeof bootstrap>

/** Records no refused attempts: a node that starts second is refused as a matter of course. */
export function bootstrap(deps: Deps) {
  const { db } = deps

  return {
    /** For people who sign in as platform administrators. */
    openPlatform: (): Promise<unknown> => openSystemRealm(deps),

    /** Creates a platform administrator if there is none. Returns whether it did. */
    async createAdministrator(clientId: string, clientSecret: string): Promise<boolean> {
      const { id: realmId, allowedAuthMethods } = await openSystemRealm(deps)
      if (await isRoleHeld(db, { realmId, role: PLATFORM_ADMIN, now: deps.clock() })) return false
      if (!allowedAuthMethods.includes('client_secret')) {
        deps.log(
          'BOOTSTRAP_ADMIN_CLIENT_ID: no administrator was made, for realm system does not allow client_secret; ' +
            'make one: mintmark service-account create --realm system --name root --role platform-admin --public-key FILE',
        )
        return false
      }
      const created = await ifFirst(
        createServiceAccount(deps, SERVER_ACTOR, SYSTEM_REALM, {
          name: 'Bootstrap administrator',
          roles: [PLATFORM_ADMIN],
          imported: { clientId, clientSecret },
        }),
      ).catch(nameVariable)
      return created !== undefined
    },

    /** Creates a realm and a service account to try things with, if there is no realm. */
    async createDemo(): Promise<ServiceAccountWithSecret | undefined> {
      // The platform's realm may exist already.
      if ((await listRealms(db, '', 2)).every(({ name }) => name === SYSTEM_REALM))
        await ifFirst(createRealm(deps, SERVER_ACTOR, DEMO_REALM, { displayName: 'Demo' }))
      // A server killed at this point left a realm without an account.
      const realm = await findRealmByName(db, DEMO_REALM)
      if (!realm || (await isActionRecorded(db, realm.id, 'service-account.create'))) return undefined
      return ifFirst(createServiceAccount(deps, SERVER_ACTOR, DEMO_REALM, { name: 'demo' }))
    },
  }
}

function nameVariable(error: unknown): never {
  if (!(error instanceof Refusal) || error.field !== 'client_secret') throw error
  throw new Refusal('invalid', `BOOTSTRAP_ADMIN_CLIENT_SECRET: ${error.message}`, error.field)
}
