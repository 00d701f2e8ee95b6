import type { Actor } from '../../domain/actor.ts'
import { authorityOfRoles } from '../../domain/authority.ts'
import { adminAudienceOf } from '../../domain/realm.ts'
import { rolesOf } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedTokenOperations } from './presented-tokens.ts'

export interface AdministratorOperations {
  /**
   * Whoever presents a token for the admin API, with the roles that the token says and the account still has.
   * @throws OAuthError `invalid_token`, `temporarily_unavailable`
   */
  authenticateAdministrator(token: string, address: string): Promise<Actor>
}

export function administratorOperations(
  { publicUrl }: Pick<Dependencies, 'publicUrl'>,
  { verifyPresentedToken }: Pick<PresentedTokenOperations, 'verifyPresentedToken'>,
): AdministratorOperations {
  const audience = adminAudienceOf(publicUrl)
  return {
    async authenticateAdministrator(token, address) {
      const { loaded, account, kid, claims } = await verifyPresentedToken(token, { audience })
      const { name } = loaded.realm
      const { clientId, statusIndex } = account
      const roles = claims['roles'] as readonly string[]
      const jti = claims['jti'] as string
      return {
        kind: 'api',
        id: `${name}/${clientId}`,
        address,
        authority: authorityOfRoles(name, rolesOf(roles, account.roles)),
        credential: { kind: 'token', realm: name, clientId, kid, jti, statusIndex, roles },
      }
    },
  }
}
