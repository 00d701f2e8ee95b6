import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { type Grant, type GrantKey, isGrantKey } from '../../domain/grant.ts'
import { badCursor, type Page, pageOfRows } from '../../domain/page.ts'
import type { ResourceKey } from '../../domain/protected-resource.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  countGrants,
  deleteGrants,
  deleteGrantsBut,
  type GrantFilter,
  insertGrants,
  listGrants,
} from '../../storage/grants.ts'
import { listGrantsOn } from '../../storage/grants-on.ts'
import { findGrant } from '../../storage/resource-grants.ts'
import { findServiceAccount } from '../../storage/service-accounts.ts'
import { attemptOf, changeAccount, unknownAccount } from '../accounts/account-changes.ts'
import { audited, keyOf, locking, settle } from '../accounts/grant-changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'

/** Query of a list: `after` is the cursor of the previous page. */
export type GrantQuery = Omit<GrantFilter, 'after'> & { readonly after?: string | undefined }

export interface AddedGrant {
  readonly grant: Grant
  readonly added: boolean
}

export type Grants = ReturnType<typeof grants>

export function grants(deps: Pick<Dependencies, 'db' | 'clock' | 'refusals'>) {
  const { db, refusals } = deps
  return {
    /** A page of an account's grants, in order of type, id and role, and the version of the account that they are of. */
    list(
      actor: Actor,
      realmName: string,
      clientId: string,
      query: GrantQuery,
    ): Promise<Page<Grant> & { readonly version: number }> {
      const attempt = { actor, action: 'grant.list', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        // The version is read first: if grants change in between, it is too old to base a change on.
        const account = await findServiceAccount(db, id, clientId)
        if (!account) throw unknownAccount(realmName, clientId)
        const after = query.after === undefined ? undefined : parsePosition(query.after)
        const rows = await listGrants(db, id, clientId, { ...query, after, limit: query.limit + 1 })
        const page = pageOfRows(rows, query.limit, (last) => `${last.role}/${last.type}/${last.id}`)
        return { ...page, version: account.version }
      })
    },

    /** How many an account has, and those on these resources. */
    async summary(
      actor: Actor,
      realmName: string,
      clientId: string,
      resources: readonly ResourceKey[],
    ): Promise<{ readonly total: number; readonly on: readonly GrantKey[] }> {
      const attempt = { actor, action: 'grant.list', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        const on = resources.length === 0 ? [] : await listGrantsOn(db, id, clientId, resources)
        return { total: await countGrants(db, id, clientId), on }
      })
    },

    /**
     * Gives an account a role on a resource; `added`: it did not have it already.
     * @throws Refusal `forbidden`, `not_found`, `invalid`, `limit_reached`
     */
    add(actor: Actor, realmName: string, clientId: string, grant: GrantKey): Promise<AddedGrant> {
      const about = { actor, action: 'grant.add', realmName, clientId, roles: [grant.role] } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, { ...about, lockBefore: locking([grant]) }, async (context) => {
          const { trx, realm, now, note, noteNothing } = context
          note({ grant: keyOf(grant) })
          const added = await insertGrants(trx, realm.id, clientId, { grants: [grant], now })
          if (added.length > 0) await settle(context)
          else noteNothing()
          return { grant: await findGrant(trx, realm.id, clientId, grant), added: added.length > 0 }
        }),
      )
    },

    /** @throws Refusal `forbidden`, `not_found` */
    remove(actor: Actor, realmName: string, clientId: string, grant: GrantKey): Promise<void> {
      const about = { actor, action: 'grant.remove', realmName, clientId, roles: [grant.role] } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const possible = isGrantKey(grant) ? [grant] : []
          const [removed] = await deleteGrants(context.trx, context.realm.id, clientId, possible)
          if (!removed)
            throw new Refusal(
              'not_found',
              `It has no role ${grant.role} on ${grant.type} ${grant.id}.`,
              'role',
            )
          context.note({ grant: keyOf(grant) })
          await settle(context)
        }),
      )
    },

    /** Makes these the account's grants, and no others. @throws Refusal as `add` */
    replace(
      actor: Actor,
      realmName: string,
      clientId: string,
      wanted: readonly GrantKey[],
    ): Promise<{ readonly added: number; readonly removed: number }> {
      const roles = wanted.map(({ role }) => role)
      const about = { actor, action: 'grant.replace', realmName, clientId, roles } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, { ...about, lockBefore: locking(wanted) }, async (context) => {
          const { trx, realm, now, note, noteNothing } = context
          const removed = await deleteGrantsBut(trx, realm.id, clientId, wanted)
          const added = await insertGrants(trx, realm.id, clientId, { grants: wanted, now })
          note({ grants_added: added.length, grants_removed: removed.length })
          note({ added: audited(added), removed: audited(removed) })
          if (added.length + removed.length > 0) await settle(context)
          else noteNothing()
          return { added: added.length, removed: removed.length }
        }),
      )
    },
  }
}

/** Neither a role nor a type contains a slash. */
function parsePosition(text: string): GrantKey {
  const [, role, type, id] = /^([^/]+)\/([^/]+)\/(.+)$/.exec(text) ?? []
  if (role === undefined || type === undefined || id === undefined) throw badCursor()
  return { role, type, id }
}
