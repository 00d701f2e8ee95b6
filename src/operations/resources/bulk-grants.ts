import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { type Grant, type GrantKey, isGrantKey } from '../../domain/grant.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { listGrantKeys, listGrantsToCopy } from '../../storage/copied-grants.ts'
import type { Database, DatabaseTransaction } from '../../storage/database.ts'
import { countGrants, deleteGrants, insertGrants } from '../../storage/grants.ts'
import { findServiceAccount } from '../../storage/service-accounts.ts'
import { attemptOf, type ChangeContext, changeAccount, unknownAccount } from '../accounts/account-changes.ts'
import { audited, lockGranted, locking, settle } from '../accounts/grant-changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'

/** What a copy would add, before it does. */
export interface CopyPlan {
  readonly source: ServiceAccount
  /** The first of those that would be added. */
  readonly first: readonly Grant[]
  readonly total: number
  readonly sourceGrants: number
}

export interface CopyFrom {
  readonly from: string
  /** Version of the account to copy from that the copy is based on. */
  readonly fromVersion: number
}

/** Many grants of an account in one change: all of them or none, and one line in the audit trail. */
export function bulkGrants(deps: Pick<Dependencies, 'db' | 'clock' | 'refusals'>) {
  const { db, refusals } = deps
  return {
    /** Gives it all these; what it has already stays. Returns how many are new. @throws Refusal as `grants.add` */
    addAll(actor: Actor, realmName: string, clientId: string, wanted: readonly GrantKey[]): Promise<number> {
      const roles = wanted.map(({ role }) => role)
      const about = { actor, action: 'grant.add', realmName, clientId, roles } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, { ...about, lockBefore: locking(wanted) }, (context) => add(context, wanted)),
      )
    },

    /** Takes all these away. Returns how many it had. @throws Refusal `not_found`: none of them */
    removeAll(
      actor: Actor,
      realmName: string,
      clientId: string,
      grants: readonly GrantKey[],
    ): Promise<number> {
      const roles = grants.map(({ role }) => role)
      const about = { actor, action: 'grant.remove', realmName, clientId, roles } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { trx, realm, note } = context
          const removed = await deleteGrants(trx, realm.id, clientId, grants.filter(isGrantKey))
          if (removed.length === 0) throw new Refusal('not_found', 'The account has none of these grants.')
          note({ grants_removed: removed.length, removed: audited(removed) })
          await settle(context)
          return removed.length
        }),
      )
    },

    /** @throws Refusal `forbidden`, `not_found` */
    planCopy(actor: Actor, realmName: string, clientId: string, from: string): Promise<CopyPlan> {
      const attempt = { actor, action: 'grant.list', realm: realmName, target: clientId } as const
      return refusals.ofRead(attempt, async () => {
        requireAuthority(actor, realmName, 'view')
        const realm = await realmNamed(db, realmName)
        const source = await accountOf(db, realm, from)
        const missing = await listGrantsToCopy(db, realm.id, { from, to: clientId }, COUNTED)
        const sourceGrants = await countGrants(db, realm.id, from)
        return { source, first: missing.slice(0, SHOWN), total: missing.length, sourceGrants }
      })
    },

    /**
     * Gives it all grants of another account that it has not. Returns how many are new.
     * @throws Refusal also `changed_meanwhile`, if the other account is not as it was
     */
    copy(
      actor: Actor,
      realmName: string,
      clientId: string,
      { from, fromVersion }: CopyFrom,
    ): Promise<number> {
      let wanted: readonly GrantKey[] = []
      const lockBefore = async (trx: DatabaseTransaction, realm: Realm) => {
        // Before the version: grants that change in between make it another one.
        wanted = await listGrantKeys(trx, realm.id, from)
        const source = await accountOf(trx, realm, from)
        if (source.version !== fromVersion)
          throw new Refusal('changed_meanwhile', `${source.name} was changed meanwhile: look at it again.`)
        await lockGranted(trx, realm, wanted)
      }
      const about = { actor, action: 'grant.add', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, { ...about, lockBefore }, (context) =>
          add(context, wanted, { copied_from: from }),
        ),
      )
    },
  }
}

/** As many as an account may have. */
const COUNTED = 10_000

const SHOWN = 50

async function accountOf(db: Database, realm: Realm, clientId: string): Promise<ServiceAccount> {
  const account = await findServiceAccount(db, realm.id, clientId)
  if (!account) throw unknownAccount(realm.name, clientId)
  return account
}

async function add(
  context: ChangeContext,
  wanted: readonly GrantKey[],
  details: Record<string, unknown> = {},
): Promise<number> {
  const { trx, realm, account, now, note, noteNothing } = context
  const added = await insertGrants(trx, realm.id, account.clientId, { grants: wanted, now })
  note({ ...details, grants_added: added.length, added: audited(added) })
  if (added.length > 0) await settle(context)
  else noteNothing()
  return added.length
}
