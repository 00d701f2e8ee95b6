import { allowedScopes, sourcesOf, type TokenRealm, type TokenSubject } from './access-token.ts'
import { type CustomClaim, collide, type LeftOutClaim, valueFor } from './custom-claim.ts'
import { knownAudiences, type Realm } from './realm.ts'
import { DEFAULT_ROLE } from './role.ts'

/** Of a change: what its administrator should know, for people. */
export type Warned<T> = T & { readonly warnings: readonly string[] }

type Subject = Pick<TokenSubject, 'clientId' | 'name' | 'roles' | 'scopes' | 'claims' | 'metadata'>
type OfTokens = Pick<TokenRealm, 'name' | 'scopes' | 'audiences' | 'claims' | 'profile'>

/** Addresses of documentation (RFC 5737): commands have none. */
export const EXAMPLE_ADDRESS = '192.0.2.1'

/** An account that is made up, to look at the claims of a realm. */
export const EXAMPLE_SUBJECT: TokenSubject = {
  clientId: 'example',
  name: 'Example',
  roles: [DEFAULT_ROLE],
  scopes: undefined,
  statusIndex: 0,
  details: [],
  detailsOmitted: false,
}

/** Claims of settings that no token of the account has, whatever it asks for. */
export function impossibleClaims(
  subject: Subject,
  realm: OfTokens,
  address: string | undefined,
): readonly LeftOutClaim[] {
  const { claims: own = [] } = subject
  const sources = sourcesOf(subject, realm, address, allowedScopes(subject, realm))
  const isFree = ({ claim }: CustomClaim) => !own.some((one) => !one.audiences && collide(one.claim, claim))
  return [...own, ...(realm.claims ?? []).filter(isFree)].flatMap((one) => {
    const reason = isForNone(one, realm)
      ? `no token of the realm is for ${one.audiences?.join(' or ')}`
      : valueFor(one, sources).reason
    return reason === undefined ? [] : [{ claim: one.claim, reason }]
  })
}

/** In the shape of Keycloak a token is for other clients too, by the roles of its account. */
function isForNone({ audiences }: CustomClaim, realm: OfTokens): boolean {
  if (!audiences || realm.profile === 'keycloak') return false
  return !audiences.some((one) => realm.audiences.includes(one))
}

/** What an administrator is told of an account's claims. */
export function accountWarnings(account: Subject, realm: Realm, publicUrl: string): string[] {
  return impossibleClaims(account, ofTokens(realm, publicUrl), EXAMPLE_ADDRESS).map(
    ({ claim, reason }) => `The token is without the claim ${claim}: ${reason}.`,
  )
}

/** What an administrator is told of a realm's claims, by a token of an account that is made up. */
export function realmWarnings(realm: Realm, publicUrl: string): string[] {
  return impossibleClaims(EXAMPLE_SUBJECT, ofTokens(realm, publicUrl), EXAMPLE_ADDRESS).map(
    ({ claim, reason }) => `A token can be without the claim ${claim}: ${reason}.`,
  )
}

function ofTokens(realm: Realm, publicUrl: string): OfTokens {
  const { name, scopes, claims, tokenProfile: profile } = realm
  return { name, scopes, claims, profile, audiences: knownAudiences(realm, publicUrl) }
}
