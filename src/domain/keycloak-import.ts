import type { AccountLine } from './account-line.ts'
import { faultIn, type ImportPlan, type LeftBehind, takeName } from './import-plan.ts'
import { mappedParts } from './keycloak-mappers.ts'
import type { KeycloakClient, KeycloakRealm } from './keycloak-realm.ts'
import { rolesOfClient } from './keycloak-roles.ts'
import { mappersOfClient, permittedScopes, roleMappers, scopesOfClient } from './keycloak-scopes.ts'
import { secretsOfClient } from './keycloak-secrets.ts'
import { checkImportedClientId, checkImportedSubject, parseDescription } from './service-account.ts'

const AUDIENCE_MAPPER = 'oidc-audience-mapper'

const NOTES: readonly string[] = [
  'sub is the client_id here, and roles are in the claim roles, those of a client as client:role. For tokens in the shape of Keycloak’s: mintmark realm update <name> --token-profile keycloak, then import again.',
  'Scopes and roles that Keycloak makes itself (profile, email, default-roles-…, offline_access, …) are taken over with that profile alone.',
]
const NO_USERS =
  'The file has no users, so the accounts get no roles: export the users into the same file (kc.sh export --users same_file).'

export interface PlanRules {
  /** By its client_id. */
  readonly isWanted: (clientId: string) => boolean
  /** With the scopes and roles that Keycloak makes itself, for tokens that have all that they had. */
  readonly withOwn: boolean
  /** When it is: secrets may have ended. */
  readonly now: Date
}

/** Decides what becomes of each client. */
export function planKeycloakImport(realm: KeycloakRealm, { isWanted, withOwn, now }: PlanRules): ImportPlan {
  const left: LeftBehind[] = []
  const accounts: AccountLine[] = []
  const audiences = new Map<string, readonly string[]>()
  const names = new Set<string>()
  for (const one of realm.clients) {
    const { clientId } = one
    if (!isWanted(clientId)) continue
    const leave = (reason: string) => void left.push({ clientId, reason })
    const fault = faultOf(one)
    if (fault !== undefined) {
      leave(fault)
      continue
    }
    const client = { ...one, defaultScopes: permittedScopes(realm, one) }
    accounts.push(accountOf({ realm, withOwn, now, names }, client, leave))
    audiences.set(clientId, audiencesOf(realm, client))
    leaveParts(realm, client, leave)
  }
  const notes = [...(withOwn ? [] : NOTES), ...(realm.users ? [] : [NO_USERS])]
  return { accounts, audiences, left, notes }
}

/** Why a client is not taken over at all. */
function faultOf(client: KeycloakClient): string | undefined {
  if (client.protocol !== 'openid-connect') return `It speaks ${client.protocol}.`
  if (client.isPublic) return 'It is a public client: people log in with it, and it has no secret.'
  if (client.isBearerOnly) return 'It gets no tokens (bearerOnly): an API needs no account to validate them.'
  if (!client.hasServiceAccount) return 'It has no service account: people log in with it.'
  if (client.authenticator !== 'client-secret')
    return `It authenticates by ${client.authenticator}: make it here with its key.`
  return faultIn(() => checkImportedClientId(client.clientId))
}

interface Planning {
  readonly realm: KeycloakRealm
  readonly withOwn: boolean
  readonly now: Date
  /** Names that are taken. */
  readonly names: Set<string>
}

function accountOf(
  { realm, withOwn, names, now }: Planning,
  client: KeycloakClient,
  leave: (reason: string) => void,
): AccountLine {
  const { clientId, isEnabled } = client
  const hasText = faultIn(() => parseDescription(client.description)) === undefined
  if (!hasText) leave('Its description is too long or has characters that cannot be printed.')
  const { id: subject = '', createdAt } = realm.users?.get(clientId) ?? {}
  const { claims, roles: mapped } = mappedParts(mappersOfClient(realm, client), leave)
  return {
    clientId,
    name: takeName(client, names),
    ...(hasText && { description: client.description }),
    enabled: isEnabled,
    roles: rolesOfClient({ realm, withOwn, mapped, puts: roleMappers(realm, client) }, client, leave),
    scopes: scopesOfClient({ realm, withOwn }, client, leave),
    ...(claims.length > 0 && { claims }),
    ...(subject !== '' && faultIn(() => checkImportedSubject(subject)) === undefined && { subject }),
    ...(createdAt && { createdAt }),
    ...secretsOfClient(client, now, leave),
  }
}

/** What mappers of the client and of its scopes put into `aud`. */
function audiencesOf(realm: KeycloakRealm, client: KeycloakClient): string[] {
  const found = mappersOfClient(realm, client)
    .filter(({ kind }) => kind === AUDIENCE_MAPPER)
    .map(({ config }) => config['included.custom.audience'] || config['included.client.audience'])
  return [...new Set(found.filter((one) => typeof one === 'string'))].sort()
}

function leaveParts(realm: KeycloakRealm, client: KeycloakClient, leave: (reason: string) => void): void {
  if (client.hasLogin) leave('People log in with it too: that stays in Keycloak.')
  if (realm.users?.get(client.clientId)?.isGrouped)
    leave('It is in groups: roles that it has by them are not taken over.')
  const lifespan = client.attributes['access.token.lifespan']
  if (lifespan !== undefined && lifespan !== '')
    leave(`Its tokens live for ${lifespan} s: here the realm says how long.`)
}
