import type { Actor } from '../../domain/actor.ts'
import { MAX_GRANTS } from '../../domain/grant.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { NewServiceAccountRequest } from '../accounts/new-service-account.ts'
import type { ServiceAccounts } from '../accounts/service-accounts.ts'
import type { Grants } from './grants.ts'

const PAGE = 1000

/** What a new account takes over from the one that it is made like. */
export type LikeAccount = Pick<
  NewServiceAccountRequest,
  | 'roles'
  | 'scopes'
  | 'introspectsAudiences'
  | 'claims'
  | 'metadata'
  | 'quota'
  | 'allowedNetworks'
  | 'maxSecretAgeSeconds'
  | 'grants'
>

/**
 * Roles, scopes, audiences, claims with their metadata, limits and grants of an account: neither its secrets and keys, nor its
 * end, its state, or the role of a platform administrator.
 * @throws Refusal `forbidden`, `not_found`
 */
export async function likeAccount(
  {
    accounts,
    grants,
  }: { readonly accounts: Pick<ServiceAccounts, 'find'>; readonly grants: Pick<Grants, 'list'> },
  actor: Actor,
  realmName: string,
  clientId: string,
): Promise<{ readonly account: ServiceAccount; readonly like: LikeAccount }> {
  const account = await accounts.find(actor, realmName, clientId)
  const found: NonNullable<LikeAccount['grants']>[number][] = []
  let after: string | undefined
  do {
    const page = await grants.list(actor, realmName, clientId, { after, limit: PAGE })
    found.push(...page.items.map(({ role, type, id }) => ({ role, type, id })))
    after = page.next
  } while (after !== undefined && found.length < MAX_GRANTS)
  const { scopes, introspectsAudiences, claims, metadata, quota, allowedNetworks, maxSecretAgeSeconds } =
    account
  const roles = account.roles.filter((role) => role !== PLATFORM_ADMIN)
  const rights = { roles, scopes, introspectsAudiences, claims, metadata, quota }
  return { account, like: { ...rights, allowedNetworks, maxSecretAgeSeconds, grants: found } }
}
