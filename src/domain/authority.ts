import type { Actor } from './actor.ts'
import { SYSTEM_REALM } from './realm.ts'
import { Refusal } from './refusal.ts'
import { ACCOUNT_ADMIN, PLATFORM_ADMIN } from './role.ts'

/** How far an actor's word goes: over all realms, or in one realm to change things, to see them, or not at all. */
export type Authority =
  | { readonly platform: true }
  | { readonly platform: false; readonly realm: string; readonly access: Access | 'none' }

/** Whoever may administer may view. */
export type Access = 'view' | 'administer'

export const PLATFORM_AUTHORITY: Authority = { platform: true }

/** What a service account's roles let it do over the admin API: to administer, or nothing. */
export function authorityOfRoles(realm: string, roles: readonly string[]): Authority {
  if (realm === SYSTEM_REALM && roles.includes(PLATFORM_ADMIN)) return PLATFORM_AUTHORITY
  return { platform: false, realm, access: roles.includes(ACCOUNT_ADMIN) ? 'administer' : 'none' }
}

/** @throws Refusal `forbidden`; `not_found` for what is another realm's, which is none of the actor's business */
export function requireAuthority({ authority }: Actor, realmName: string, access: Access): void {
  if (authority.platform) return
  if (authority.access === 'none')
    throw new Refusal('forbidden', 'This takes the role account-admin of the realm.')
  if (authority.realm !== realmName)
    throw new Refusal('not_found', `There is no realm ${realmName}.`, 'realm')
  if (access === 'administer' && authority.access !== 'administer')
    throw new Refusal('forbidden', 'This takes the role account-admin of the realm.')
}

/** @throws Refusal `forbidden` */
export function requirePlatformAuthority({ authority }: Actor): void {
  if (!authority.platform)
    throw new Refusal('forbidden', 'This takes the role platform-admin of realm system.')
}

/**
 * An Account Admin may give, take and handle every role of its realm, to itself too, whether or not it holds the role.
 * platform-admin reaches beyond the realm: only platform administrators handle it.
 * @throws Refusal `forbidden`
 */
export function requireHeldRoles({ authority }: Actor, roles: readonly string[]): void {
  if (!authority.platform && roles.includes(PLATFORM_ADMIN))
    throw new Refusal('forbidden', 'Only a platform administrator may do this to one.', 'roles')
}
