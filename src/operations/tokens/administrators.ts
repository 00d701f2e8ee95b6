import type { Actor } from '../../domain/actor.ts'
import { authorityOfRoles } from '../../domain/authority.ts'
import { adminAudienceOf } from '../../domain/realm.ts'
import { carriedRoles } from '../../domain/token-profile.ts'
import { rolesOf } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import type { PresentedTokens } from './presented-tokens.ts'

export type Administrators = ReturnType<typeof administrators>

export function administrators(
  { publicUrl }: Pick<Dependencies, 'publicUrl'>,
  presentedTokens: Pick<PresentedTokens, 'verify'>,
) {
  const audience = adminAudienceOf(publicUrl)
  return {
    /**
     * The actor that presents a token for the admin API, with the roles that the token says and the account still has.
     * @throws OAuthError `invalid_token`, `temporarily_unavailable`
     */
    async authenticate(token: string, address: string): Promise<Actor> {
      const { loaded, account, kid, claims } = await presentedTokens.verify(token, { audience })
      const { name } = loaded.realm
      const { clientId, statusIndex } = account
      const roles = carriedRoles(claims)
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
