import type { Actor } from '../../domain/actor.ts'
import { type ChangeAction, done } from '../../domain/audit-event.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import { type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { isRoleHeld } from '../../storage/held-roles.ts'
import { lockServiceAccount } from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, shareRealmNamed } from '../realms/named-realm.ts'
import type { Attempt } from '../refusals.ts'

export interface AccountChange {
  readonly actor: Actor
  /** Action in the audit trail. */
  readonly action: ChangeAction
  readonly realmName: string
  readonly clientId: string
  /** Roles that the change gives or takes, or that its target holds. */
  readonly roles?: readonly string[] | undefined
  /** Version that the change is based on; `undefined`: any. */
  readonly expectedVersion?: number | undefined
  /** Checks and locks that come before the account's lock. */
  readonly lockBefore?: (trx: DatabaseTransaction, realm: Realm) => Promise<void>
}

/** The change as it is recorded when it is refused. */
export function attemptOf({ actor, action, realmName, clientId }: AccountChange): Attempt<ChangeAction> {
  return { actor, action, realm: realmName, target: clientId }
}

/** Context of a change. The account's row is locked, and in realm `system` the realm's row, too. */
export interface ChangeContext {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  readonly account: ServiceAccount
  readonly now: Date
  /** Adds details to the audit event. */
  readonly note: (details: Record<string, unknown>) => void
  /** Nothing changed: no audit event. */
  readonly noteNothing: () => void
}

/**
 * Changes one account under its row lock, and records an audit event.
 * @throws Refusal `forbidden`, `not_found`, `changed_meanwhile`
 */
export async function changeAccount<T>(
  deps: Pick<Dependencies, 'db' | 'clock'>,
  { action, realmName, clientId, expectedVersion, lockBefore, ...about }: AccountChange,
  change: (context: ChangeContext) => Promise<T>,
): Promise<T> {
  const permit = (actor: Actor) => {
    requireHeldRoles(actor, about.roles ?? [])
    requireAuthority(actor, realmName, 'administer')
  }
  const asked = { actor: about.actor, permit, account: `${realmName}/${clientId}`, realmName }
  return inChange(deps, asked, async ({ trx, actor, checkVersion }) => {
    const realm = await holdRealm(trx, realmName, action === 'service-account.delete')
    await lockBefore?.(trx, realm)
    const account = await lockServiceAccount(trx, realm.id, clientId)
    if (!account) throw unknownAccount(realmName, clientId)
    // Taken after the lock, so that it follows the changes that this one waited for.
    const now = deps.clock()
    requireHeldRoles(actor, account.roles)
    checkVersion(String(account.version), 'the service account')
    if (expectedVersion !== undefined && expectedVersion !== account.version)
      throw new Refusal(
        'changed_meanwhile',
        'Another administrator changed the service account: read it again.',
      )
    let details: Record<string, unknown> | undefined = { name: account.name }
    const note = (more: Record<string, unknown>) => {
      details = { ...details, ...more }
    }
    const noteNothing = () => {
      details = undefined
    }
    const result = await change({ trx, realm, account, now, note, noteNothing })
    if (details) await insertAuditEvent(trx, realm, done(actor, action, clientId, details), now)
    return result
  })
}

// The realm is locked before the account, as creation does, to prevent deadlocks. It is locked at least against changes
// of its roles and scopes, which the change is checked against. In realm `system`
// changes run one by one, so that two of them cannot each leave the other's administrator as the last one.
async function holdRealm(trx: DatabaseTransaction, name: string, always: boolean): Promise<Realm> {
  return always || name === SYSTEM_REALM ? lockRealmNamed(trx, name) : shareRealmNamed(trx, name)
}

/** Refuses to remove the last platform administrator. */
export async function keepPlatformAdministrator({ trx, realm, account, now }: ChangeContext): Promise<void> {
  if (realm.name !== SYSTEM_REALM || account.disabledAt || !account.roles.includes(PLATFORM_ADMIN)) return
  const others = { realmId: realm.id, role: PLATFORM_ADMIN, now, butFor: account.clientId }
  if (!(await isRoleHeld(trx, others)))
    throw new Refusal(
      'last_administrator',
      'The last platform administrator cannot be removed: make another one first.',
    )
}

/** The same after a change: one platform administrator that can get a token must be left. */
export async function requirePlatformAdministrator(context: ChangeContext): Promise<void> {
  const { trx, realm, account, now } = context
  if (realm.name !== SYSTEM_REALM || account.disabledAt || !account.roles.includes(PLATFORM_ADMIN)) return
  if (!(await isRoleHeld(trx, { realmId: realm.id, role: PLATFORM_ADMIN, now })))
    throw new Refusal('last_administrator', 'The last platform administrator has to stay one.')
}

export function unknownAccount(realmName: string, clientId: string): Refusal {
  return new Refusal('not_found', `Realm ${realmName} has no service account ${clientId}.`, 'client_id')
}
