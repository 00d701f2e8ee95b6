import type { Actor } from '../../domain/actor.ts'
import { type ChangeAction, done } from '../../domain/audit-event.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import { type Realm, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { isRoleHeld, lockServiceAccount } from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed, shareRealmNamed } from '../realms/named-realm.ts'
import type { Attempt } from '../refusals.ts'

export interface AccountChange {
  readonly actor: Actor
  /** As the audit trail calls it. */
  readonly action: ChangeAction
  readonly realmName: string
  readonly clientId: string
  /** Roles that are given, taken or handled by the change. */
  readonly roles?: readonly string[] | undefined
  /** The version that the change is based on; `undefined`: whatever it is now. */
  readonly expectedVersion?: number | undefined
  /** Checks and locks that come before the account is held. */
  readonly lockBefore?: (trx: DatabaseTransaction, realm: Realm) => Promise<void>
}

/** The change as it is recorded when it is refused. */
export function attemptOf({ actor, action, realmName, clientId }: AccountChange): Attempt<ChangeAction> {
  return { actor, action, realm: realmName, target: clientId }
}

/** What a change works with: the account's row and, of realm `system`, the realm's row are held until it ends. */
export interface ChangeContext {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  readonly account: ServiceAccount
  readonly now: Date
  /** Adds to what the audit trail says of the change. */
  readonly note: (details: Record<string, unknown>) => void
  /** Nothing has changed, so the audit trail says nothing. */
  readonly noteNothing: () => void
}

/**
 * Changes one account while holding its row, and leaves a line in the audit trail.
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
    // Not before: what was done while this waited comes before it.
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

// The realm before the account, as creation locks them: or the two could wait for each other. Kept at the least, so
// that what it has of roles and scopes stays what the change is checked against. In realm `system`
// changes take turns, so that two of them cannot each leave the other's administrator as the last.
async function holdRealm(trx: DatabaseTransaction, name: string, always: boolean): Promise<Realm> {
  return always || name === SYSTEM_REALM ? lockRealmNamed(trx, name) : shareRealmNamed(trx, name)
}

/** Refuses to take away the last administrator of the platform. */
export async function keepPlatformAdministrator({ trx, realm, account, now }: ChangeContext): Promise<void> {
  if (realm.name !== SYSTEM_REALM || account.disabledAt || !account.roles.includes(PLATFORM_ADMIN)) return
  const others = { realmId: realm.id, role: PLATFORM_ADMIN, now, butFor: account.clientId }
  if (!(await isRoleHeld(trx, others)))
    throw new Refusal(
      'last_administrator',
      'The last platform administrator cannot be removed: make another one first.',
    )
}

/** The same, of a change that has been made: whoever is left has to be able to get a token. */
export async function requirePlatformAdministrator(context: ChangeContext): Promise<void> {
  const { trx, realm, account, now } = context
  if (realm.name !== SYSTEM_REALM || account.disabledAt || !account.roles.includes(PLATFORM_ADMIN)) return
  if (!(await isRoleHeld(trx, { realmId: realm.id, role: PLATFORM_ADMIN, now })))
    throw new Refusal('last_administrator', 'The last platform administrator has to stay one.')
}

export function unknownAccount(realmName: string, clientId: string): Refusal {
  return new Refusal('not_found', `Realm ${realmName} has no service account ${clientId}.`, 'client_id')
}
