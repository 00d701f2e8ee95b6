import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import type { Warned } from '../../domain/impossible-claims.ts'
import type { Page } from '../../domain/page.ts'
import { checkAccountRights } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { updateRealmFreeingPlace } from '../../storage/realms.ts'
import {
  deleteServiceAccount,
  findServiceAccount,
  updateServiceAccount,
} from '../../storage/service-accounts.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import {
  type AccountChange,
  attemptOf,
  type ChangeContext,
  changeAccount,
  keepPlatformAdministrator,
  unknownAccount,
} from './account-changes.ts'
import { pageOfServiceAccounts, type ServiceAccountFilter } from './account-search.ts'
import {
  type CreatedServiceAccount,
  createServiceAccount,
  type NewAccountWithSecret,
  type NewServiceAccountRequest,
  type ServiceAccountWithSecret,
} from './new-service-account.ts'
import { actionOf, applyUpdate, type ServiceAccountUpdate } from './service-account-update.ts'
import { replaceStatusIndex, retireStatusIndex } from './status-indexes.ts'
import { takenRefusal } from './taken-names.ts'

type Deps = Pick<
  Dependencies,
  'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'publicUrl' | 'refusals'
>

export type ServiceAccounts = ReturnType<typeof serviceAccounts>

export function serviceAccounts(deps: Deps) {
  const { db, clock, publicUrl, refusals } = deps

  /** With a secret, unless it is asked to authenticate otherwise. */
  function create(
    actor: Actor,
    realmName: string,
    request: NewAccountWithSecret,
  ): Promise<ServiceAccountWithSecret>
  function create(
    actor: Actor,
    realmName: string,
    request: NewServiceAccountRequest,
  ): Promise<CreatedServiceAccount>
  function create(actor: Actor, realmName: string, request: NewServiceAccountRequest) {
    const attempt = {
      actor,
      action: 'service-account.create',
      realm: realmName,
      target: request.name,
    } as const
    return refusals.ofChange(attempt, () => createServiceAccount(deps, actor, realmName, request))
  }

  return {
    /** @throws Refusal `forbidden`, `not_found`, `invalid`, `name_taken`, `client_id_taken`, `limit_reached` */
    create,

    /** A page in order of name; see `pageOfServiceAccounts`. */
    list(actor: Actor, realmName: string, filter: ServiceAccountFilter): Promise<Page<ServiceAccount>> {
      return refusals.ofRead({ actor, action: 'service-account.list', realm: realmName }, async () => {
        requireAuthority(actor, realmName, 'view')
        return pageOfServiceAccounts(db, await realmNamed(db, realmName), filter, clock())
      })
    },

    /** @throws Refusal `forbidden`, `not_found` */
    find(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount> {
      const attempt = { actor, action: 'service-account.read', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const account = await findServiceAccount(db, (await realmNamed(db, realmName)).id, clientId)
        if (!account) throw unknownAccount(realmName, clientId)
        return account
      })
    },

    /** @throws Refusal also `invalid`, `name_taken`, `changed_meanwhile`, `last_administrator` */
    update(
      actor: Actor,
      realmName: string,
      clientId: string,
      { expectedVersion, ...update }: ServiceAccountUpdate & Pick<AccountChange, 'expectedVersion'>,
    ): Promise<Warned<ServiceAccount>> {
      const action = actionOf(update)
      const about = { actor, action, realmName, clientId, roles: update.roles, expectedVersion }
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, (context) => applyUpdate(context, update, publicUrl)).catch(
          (error: unknown) => {
            throw takenRefusal(error, update.name ?? '') ?? error
          },
        ),
      )
    },

    /** @throws Refusal also `last_administrator` */
    delete(actor: Actor, realmName: string, clientId: string): Promise<void> {
      const about = { actor, action: 'service-account.delete', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          await keepPlatformAdministrator(context)
          await retireStatusIndex(context)
          await deleteServiceAccount(context.trx, context.realm.id, clientId)
          await updateRealmFreeingPlace(context.trx, context.realm.id)
        }),
      )
    },

    /** A role on the whole realm; all at once they are changed by `update`. @throws Refusal `forbidden`, `not_found`, `invalid` */
    addRole(actor: Actor, realmName: string, clientId: string, role: string): Promise<ServiceAccount> {
      const about = { actor, action: 'role.add', realmName, clientId, roles: [role] } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { realm, account } = context
          checkAccountRights(realm, { roles: [role] }, publicUrl)
          const roles = new Set([...account.roles, role])
          requireRoomForRights(publicUrl, realm, { ...account, roles: [...roles] }, account)
          return writeRoles(context, role, roles)
        }),
      )
    },

    /** @throws Refusal `forbidden`, `not_found`, `last_administrator` */
    removeRole(actor: Actor, realmName: string, clientId: string, role: string): Promise<ServiceAccount> {
      const about = { actor, action: 'role.remove', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { roles } = context.account
          if (!roles.includes(role))
            throw new Refusal('not_found', `It does not have the role ${role}.`, 'role')
          if (role === PLATFORM_ADMIN) await keepPlatformAdministrator(context)
          return writeRoles(context, role, new Set(roles.filter((one) => one !== role)))
        }),
      )
    },

    /**
     * Revokes all tokens of an account; its credentials stay valid for new ones.
     * @throws Refusal `forbidden`, `not_found`
     */
    revokeTokens(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount> {
      const about = { actor, action: 'service-account.revoke-tokens', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const statusIndex = await replaceStatusIndex(context)
          const changes = { statusIndex, updatedAt: context.now }
          return updateServiceAccount(context.trx, context.realm.id, clientId, changes)
        }),
      )
    },
  }
}

async function writeRoles(
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
  return updateServiceAccount(trx, realm.id, account.clientId, { roles, updatedAt: now })
}
