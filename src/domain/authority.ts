import { SYSTEM_REALM } from './realm.ts'
import { Refusal, unknownRealm } from './refusal.ts'
import { ACCOUNT_ADMIN, PLATFORM_ADMIN } from './role.ts'

/** Scope of an actor's authority: all realms, or one realm, to change it, to view it, or neither. */
export type Authority =
  | { readonly platform: true }
  | { readonly platform: false; readonly realm: string; readonly access: Access | 'none' }

/** Administrators may view, too. */
export type Access = 'view' | 'administer'

export const PLATFORM_AUTHORITY: Authority = { platform: true }

interface Authorized {
  readonly authority: Authority
}

/** Authority of a service account over the admin API, from its roles: to administer, or none. */
export function authorityOfRoles(realm: string, roles: readonly string[]): Authority {
  if (realm === SYSTEM_REALM && roles.includes(PLATFORM_ADMIN)) return PLATFORM_AUTHORITY
  return { platform: false, realm, access: roles.includes(ACCOUNT_ADMIN) ? 'administer' : 'none' }
}

/** @throws Refusal `forbidden`; `not_found` for another realm, whose existence it must not reveal */
export function requireAuthority({ authority }: Authorized, realmName: string, access: Access): void {
  if (authority.platform) return
  if (authority.access === 'none')
    throw new Refusal('forbidden', 'Requires the account-admin role of the realm.')
  if (authority.realm !== realmName) throw unknownRealm(realmName)
  if (access === 'administer' && authority.access !== 'administer')
    throw new Refusal('forbidden', 'Requires the account-admin role of the realm.')
}

/** @throws Refusal `forbidden` */
export function requirePlatformAuthority({ authority }: Authorized): void {
  if (!authority.platform) throw new Refusal('forbidden', 'Requires the platform-admin role of realm system.')
}

/**
 * An Account Admin may give and take every role of its realm, also to itself, whether or not it holds the role.
 * Exception: platform-admin reaches beyond the realm, so only platform administrators may give or take it.
 * @throws Refusal `forbidden`
 */
export function requireHeldRoles({ authority }: Authorized, roles: readonly string[]): void {
  if (!authority.platform && roles.includes(PLATFORM_ADMIN))
    throw new Refusal(
      'forbidden',
      'Only a platform administrator may do this to a platform administrator.',
      'roles',
    )
}
