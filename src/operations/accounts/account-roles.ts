import type { Actor } from '../../domain/actor.ts'
import { checkAccountRights } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import type { Dependencies } from '../dependencies.ts'
import { type ChangeContext, changeAccount, keepPlatformAdministrator } from './account-changes.ts'

/** Roles on the whole realm, one by one; all at once they are changed with the account. */
export interface AccountRoleOperations {
  /** @throws Refusal `forbidden`, `not_found`, `invalid` */
  addRole(actor: Actor, realmName: string, clientId: string, role: string): Promise<ServiceAccount>
  /** @throws Refusal `forbidden`, `not_found`, `last_administrator` */
  removeRole(actor: Actor, realmName: string, clientId: string, role: string): Promise<ServiceAccount>
}

export function accountRoleOperations(
  deps: Pick<Dependencies, 'db' | 'clock' | 'publicUrl'>,
): AccountRoleOperations {
  return {
    async addRole(actor, realmName, clientId, role) {
      const about = { actor, action: 'role.add', realmName, clientId, roles: [role] } as const
      return changeAccount(deps, about, async (context) => {
        checkAccountRights(context.realm, { roles: [role] }, deps.publicUrl)
        const roles = new Set([...context.account.roles, role])
        const { realm, account } = context
        requireRoomForRights(deps.publicUrl, realm, { ...account, roles: [...roles] }, account)
        return write(context, role, roles)
      })
    },

    async removeRole(actor, realmName, clientId, role) {
      return changeAccount(deps, { actor, action: 'role.remove', realmName, clientId }, async (context) => {
        const { roles } = context.account
        if (!roles.includes(role))
          throw new Refusal('not_found', `It does not have the role ${role}.`, 'role')
        if (role === PLATFORM_ADMIN) await keepPlatformAdministrator(context)
        return write(context, role, new Set(roles.filter((one) => one !== role)))
      })
    },
  }
}

async function write(
  { trx, realm, account, now, note, noteNothing }: ChangeContext,
  role: string,
  after: ReadonlySet<string>,
): Promise<ServiceAccount> {
  const roles = [...after]
  if (after.size === account.roles.length) {
    noteNothing()
    return account
  }
  note({ role, before: { roles: account.roles }, after: { roles } })
  return updateServiceAccount(trx, realm.id, account.clientId, { roles }, now)
}
