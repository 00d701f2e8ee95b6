import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { type AuthorizationDetail, intersectDetails } from '../../domain/authorization-details.ts'
import {
  checkGrants,
  type Grant,
  type GrantKey,
  isGrantKey,
  MAX_AUDITED_GRANTS,
  MAX_GRANTS,
  tooManyGrants,
} from '../../domain/grant.ts'
import type { Page } from '../../domain/page.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import {
  countGrants,
  deleteGrants,
  deleteGrantsBut,
  type GrantFilter,
  insertGrants,
  listAuthorizationDetails,
  listGrants,
  updateAuthorizationDetails,
} from '../../storage/grants.ts'
import { lockProtectedResources } from '../../storage/protected-resources.ts'
import { findServiceAccount } from '../../storage/service-accounts.ts'
import { type ChangeContext, changeAccount, realmNamed, unknownAccount } from '../accounts/account-changes.ts'
import { sayUnavailable } from '../clients/loaded-realms.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedToken } from '../tokens/presented-tokens.ts'

export interface GrantOperations {
  /** A page of an account's grants, in order of type, id and role, and the version of the account that they are of. */
  listGrants(
    actor: Actor,
    realmName: string,
    clientId: string,
    query: Omit<GrantFilter, 'after'> & { readonly after?: string | undefined },
  ): Promise<Page<Grant> & { readonly version: number }>
  /**
   * Gives an account a role on a resource; says whether it did not have it already.
   * @throws Refusal `forbidden`, `not_found`, `invalid`, `limit_reached`
   */
  addGrant(actor: Actor, realmName: string, clientId: string, grant: GrantKey): Promise<boolean>
  /** @throws Refusal `forbidden`, `not_found` */
  removeGrant(actor: Actor, realmName: string, clientId: string, grant: GrantKey): Promise<void>
  /** Makes these the account's grants, and no others. @throws Refusal as `addGrant` */
  replaceGrants(
    actor: Actor,
    realmName: string,
    clientId: string,
    grants: readonly GrantKey[],
  ): Promise<{ readonly added: number; readonly removed: number }>
  /**
   * What a good token lets its client do on resources at this moment, whole: what it says or, where it says that it
   * leaves them out, all that the account holds; and of that, what the account still holds.
   */
  findTokenDetails(token: PresentedToken): Promise<readonly AuthorizationDetail[]>
}

export function grantOperations(deps: Pick<Dependencies, 'db' | 'clock'>): GrantOperations {
  const { db } = deps
  return {
    async listGrants(actor, realmName, clientId, { after, limit, ...filter }) {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      // Before them: were they changed in between, the version would be too old to base a change on.
      const account = await findServiceAccount(db, id, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      const { version } = account
      const page = {
        ...filter,
        after: after === undefined ? undefined : parsePosition(after),
        limit: limit + 1,
      }
      const items = await listGrants(db, id, clientId, page)
      if (items.length <= limit) return { items, next: undefined, version }
      items.pop()
      const last = items.at(-1) as Grant
      return { items, version, next: `${last.role}/${last.type}/${last.id}` }
    },

    async addGrant(actor, realmName, clientId, grant) {
      const about = { actor, action: 'grant.add', realmName, clientId, roles: [grant.role] } as const
      return changeAccount(deps, { ...about, lockBefore: locking([grant]) }, async (context) => {
        const { trx, realm, now, note, noteNothing } = context
        note({ grant: keyOf(grant) })
        const added = await insertGrants(trx, realm.id, clientId, [grant], now)
        if (added.length > 0) await settle(context)
        else noteNothing()
        return added.length > 0
      })
    },

    async removeGrant(actor, realmName, clientId, grant) {
      const about = { actor, action: 'grant.remove', realmName, clientId, roles: [grant.role] } as const
      await changeAccount(deps, about, async (context) => {
        const possible = isGrantKey(grant) ? [grant] : []
        const [removed] = await deleteGrants(context.trx, context.realm.id, clientId, possible)
        if (!removed)
          throw new Refusal('not_found', `It has no role ${grant.role} on ${grant.type} ${grant.id}.`, 'role')
        context.note({ grant: keyOf(grant) })
        await settle(context)
      })
    },

    async replaceGrants(actor, realmName, clientId, grants) {
      const roles = grants.map(({ role }) => role)
      const about = { actor, action: 'grant.replace', realmName, clientId, roles } as const
      return changeAccount(deps, { ...about, lockBefore: locking(grants) }, async (context) => {
        const { trx, realm, now, note, noteNothing } = context
        const removed = await deleteGrantsBut(trx, realm.id, clientId, grants)
        const added = await insertGrants(trx, realm.id, clientId, grants, now)
        note({ grants_added: added.length, grants_removed: removed.length })
        note({ added: audited(added), removed: audited(removed) })
        if (added.length + removed.length > 0) await settle(context)
        else noteNothing()
        return { added: added.length, removed: removed.length }
      })
    },

    async findTokenDetails({ loaded, account, claims }) {
      if (claims['authorization_details_omitted'] !== true) {
        const ofToken = (claims['authorization_details'] ?? []) as readonly AuthorizationDetail[]
        if (ofToken.length === 0) return []
        const held = account.detailsOmitted
          ? await listAuthorizationDetails(db, loaded.realm.id, account.clientId, ofToken).catch(
              sayUnavailable,
            )
          : account.details
        return intersectDetails(ofToken, held)
      }
      return account.detailsOmitted
        ? listAuthorizationDetails(db, loaded.realm.id, account.clientId).catch(sayUnavailable)
        : account.details
    },
  }
}

/** Resources are locked before the account, as their deletion does: or the two could wait for each other. */
function locking(grants: readonly GrantKey[]) {
  return async (trx: DatabaseTransaction, realm: Realm) => {
    checkGrants(realm, grants)
    const found = await lockProtectedResources(trx, realm.id, grants, 'key share')
    const known = new Set(found.map(({ type, id }) => `${type}/${id}`))
    const missing = grants.find(({ type, id }) => !known.has(`${type}/${id}`))
    if (missing)
      throw new Refusal('invalid', `Realm ${realm.name} has no ${missing.type} ${missing.id}.`, 'id')
  }
}

async function settle({ trx, realm, account }: ChangeContext): Promise<void> {
  if ((await countGrants(trx, realm.id, account.clientId)) > MAX_GRANTS) throw tooManyGrants()
  await updateAuthorizationDetails(trx, realm.id, [account.clientId])
}

function audited(grants: readonly GrantKey[]): GrantKey[] {
  return grants.slice(0, MAX_AUDITED_GRANTS).map(keyOf)
}

function keyOf({ role, type, id }: GrantKey): GrantKey {
  return { role, type, id }
}

/** Neither a role nor a type has a slash. */
function parsePosition(text: string): GrantKey {
  const [, role, type, id] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(text) ?? []
  if (role === undefined || type === undefined || id === undefined)
    throw new Refusal('invalid', 'The cursor is not one of this list.', 'cursor')
  return { role, type, id }
}
