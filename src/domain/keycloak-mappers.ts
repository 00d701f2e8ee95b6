import type { CustomClaim } from './custom-claim.ts'
import { checkCustomClaims } from './custom-claim-check.ts'
import type { KeycloakMapper } from './keycloak-realm.ts'
import type { KeycloakRole } from './keycloak-users.ts'
import { Refusal } from './refusal.ts'

/** What the mappers of a client become. */
export interface MappedParts {
  readonly claims: readonly CustomClaim[]
  /** Roles that mappers put into its tokens. */
  readonly roles: readonly KeycloakRole[]
}

/** What can be said of a mapper: a claim, a role, nothing to do, or why it is left behind. */
type Outcome = { readonly claim: CustomClaim } | { readonly role: KeycloakRole } | 'nothing' | string

/** Session notes of a client that has logged in, and where a claim takes the same from. */
const NOTES: ReadonlyMap<unknown, 'client_id' | 'address'> = new Map([
  ['client_id', 'client_id'],
  ['clientId', 'client_id'],
  ['clientHost', 'address'],
  ['clientAddress', 'address'],
])

/** Where Keycloak's own mappers put roles. */
const ROLE_CLAIM = /^(?:realm_access|resource_access\.\$\{client_id\})\.roles$/

/** Claims that tokens have by themselves: client_id always, the others in the shape of Keycloak's. */
const PRESENT: ReadonlySet<string> = new Set(['client_id', 'azp'])

/**
 * Claims and roles for what mappers put into access tokens.
 * @param leave is told of each mapper that cannot be taken over
 */
export function mappedParts(
  mappers: readonly KeycloakMapper[],
  leave: (reason: string) => void,
): MappedParts {
  const claims: CustomClaim[] = []
  const roles: KeycloakRole[] = []
  for (const mapper of mappers) {
    const found = outcomeOf(mapper)
    const told = (reason: string) => leave(`Mapper “${mapper.name}” (${mapper.kind}): ${reason}`)
    if (typeof found === 'string') {
      if (found !== 'nothing') told(found)
    } else if ('role' in found) roles.push(found.role)
    else {
      const fault = faultOf([...claims, found.claim])
      if (fault === undefined) claims.push(found.claim)
      else told(fault)
    }
  }
  return { claims, roles }
}

function faultOf(claims: readonly CustomClaim[]): string | undefined {
  try {
    checkCustomClaims(claims)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

function outcomeOf({ kind, config }: KeycloakMapper): Outcome {
  switch (kind) {
    case 'oidc-audience-mapper':
      return 'nothing'
    case 'oidc-hardcoded-claim-mapper':
      return isInAccessToken(config) ? hardcodedClaim(config) : 'nothing'
    case 'oidc-hardcoded-role-mapper':
      return hardcodedRole(config['role'])
    case 'oidc-usersessionmodel-note-mapper':
      return isInAccessToken(config) ? noteClaim(config) : 'nothing'
    case 'oidc-usermodel-realm-role-mapper':
    case 'oidc-usermodel-client-role-mapper':
      return ROLE_CLAIM.test(String(config['claim.name']))
        ? 'nothing'
        : 'its roles are in the usual claims here.'
    default:
      return 'tokens here have no such claim.'
  }
}

function isInAccessToken(config: KeycloakMapper['config']): boolean {
  return config['access.token.claim'] !== 'false'
}

function hardcodedClaim(config: KeycloakMapper['config']): Outcome {
  const { 'claim.name': claim, 'claim.value': text, 'jsonType.label': type = 'String' } = config
  if (typeof claim !== 'string' || claim === '') return 'it names no claim.'
  if (typeof text !== 'string') return 'nothing'
  if (type === 'String') return { claim: { claim, value: text } }
  try {
    const value: unknown = JSON.parse(text)
    const isFit =
      type === 'JSON' || (type === 'boolean' ? typeof value === 'boolean' : typeof value === 'number')
    if (isFit) return { claim: { claim, value } }
  } catch {
    // Told below.
  }
  return `its value is no ${String(type)}.`
}

/** `role`, or `client.role`, as Keycloak divides it. */
function hardcodedRole(role: unknown): Outcome {
  if (typeof role !== 'string' || role === '') return 'it names no role.'
  const at = role.lastIndexOf('.')
  return { role: { client: at < 0 ? undefined : role.slice(0, at), name: role.slice(at + 1) } }
}

function noteClaim(config: KeycloakMapper['config']): Outcome {
  const { 'claim.name': claim, 'user.session.note': note } = config
  const from = NOTES.get(note)
  if (from === undefined || typeof claim !== 'string' || claim === '')
    return 'tokens here have no such claim.'
  return PRESENT.has(claim) && from === 'client_id' ? 'nothing' : { claim: { claim, from } }
}
