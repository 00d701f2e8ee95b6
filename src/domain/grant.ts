import { isResourceKey } from './protected-resource.ts'
import type { Realm } from './realm.ts'
import { Refusal } from './refusal.ts'
import { ACCOUNT_ADMIN, BUILT_IN_ROLES, INTROSPECT, MAX_ROLE_LENGTH } from './role.ts'

/** A role of an account on one resource. */
export interface GrantKey {
  readonly role: string
  readonly type: string
  readonly id: string
}

export interface Grant extends GrantKey {
  /** The resource's name. */
  readonly name: string
  readonly createdAt: Date
}

/** An account's role on a resource, or on a group that the resource is in. */
export interface ResourceGrantKey extends GrantKey {
  readonly clientId: string
}

export interface ResourceGrant extends ResourceGrantKey {
  readonly accountName: string
  readonly enabled: boolean
  readonly createdAt: Date
}

/** Maximum number of grants of one account. */
export const MAX_GRANTS = 10_000

/** Number of grants that an audit event lists one by one. */
export const MAX_AUDITED_GRANTS = 20

/** Roles that can be granted on a resource. Administering accounts and introspecting concern the whole realm. */
export function grantableRoles(realm: Pick<Realm, 'roles'>): readonly string[] {
  return [...BUILT_IN_ROLES.filter((role) => role !== ACCOUNT_ADMIN && role !== INTROSPECT), ...realm.roles]
}

export const GRANT_ROLE_PATTERN = `^[\\x21-\\x7e]{1,${MAX_ROLE_LENGTH}}$`
const ROLE = new RegExp(GRANT_ROLE_PATTERN)

/** Returns whether such a grant can exist. */
export function isGrantKey({ role, type, id }: GrantKey): boolean {
  return isResourceKey({ type, id }) && ROLE.test(role)
}

/** @throws Refusal `invalid`, `limit_reached` */
export function checkGrants(realm: Pick<Realm, 'roles'>, grants: readonly GrantKey[]): void {
  const roles = grantableRoles(realm)
  if (!grants.every(({ role }) => roles.includes(role)))
    throw new Refusal('invalid', `role must be one of: ${roles.join(', ')}.`, 'role')
  if (!grants.every(isGrantKey))
    throw new Refusal('invalid', 'A grant is on a resource, of a type and with an id.', 'id')
  if (grants.length > MAX_GRANTS) throw tooManyGrants()
}

export function tooManyGrants(): Refusal {
  return new Refusal('limit_reached', `A service account may have at most ${MAX_GRANTS} grants.`)
}
