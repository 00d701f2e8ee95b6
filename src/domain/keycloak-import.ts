import type { AccountLine } from './account-line.ts'
import { faultIn, type ImportPlan, type LeftBehind, takeName } from './import-plan.ts'
import { mappedParts } from './keycloak-mappers.ts'
import type { KeycloakClient, KeycloakMapper, KeycloakRealm } from './keycloak-realm.ts'
import { rolesOfClient } from './keycloak-roles.ts'
import { isScopeToken } from './scope.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  checkImportedSubject,
  parseDescription,
} from './service-account.ts'

/** Scopes that Keycloak makes itself, for people who log in. */
const OWN_SCOPES: ReadonlySet<string> = new Set(
  'acr address basic email microprofile-jwt offline_access organization phone profile roles service_account web-origins'.split(
    ' ',
  ),
)

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
}

/** Decides what becomes of each client. */
export function planKeycloakImport(realm: KeycloakRealm, { isWanted, withOwn }: PlanRules): ImportPlan {
  const left: LeftBehind[] = []
  const accounts: AccountLine[] = []
  const audiences = new Map<string, readonly string[]>()
  const names = new Set<string>()
  for (const client of realm.clients) {
    const { clientId } = client
    if (!isWanted(clientId)) continue
    const leave = (reason: string) => void left.push({ clientId, reason })
    const fault = faultOf(client)
    if (fault !== undefined) {
      leave(fault)
      continue
    }
    accounts.push(accountOf({ realm, withOwn, names }, client, leave))
    audiences.set(clientId, audiencesOf(realm, client))
    leaveParts(realm, client, leave)
  }
  const notes = [...(withOwn ? [] : NOTES), ...(realm.rolesOf ? [] : [NO_USERS])]
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
  /** Names that are taken. */
  readonly names: Set<string>
}

function accountOf(
  { realm, withOwn, names }: Planning,
  client: KeycloakClient,
  leave: (reason: string) => void,
): AccountLine {
  const { clientId, isEnabled } = client
  const secret = secretOf(client, leave)
  const hasText = faultIn(() => parseDescription(client.description)) === undefined
  if (!hasText) leave('Its description is too long or has characters that cannot be printed.')
  const subject = realm.subjects.get(clientId)
  const { claims, roles: mapped } = mappedParts(mappersOf(realm, client), leave)
  return {
    clientId,
    name: takeName(client, names),
    ...(hasText && { description: client.description }),
    enabled: isEnabled,
    roles: rolesOfClient({ realm, withOwn, mapped }, client, leave),
    scopes: scopesOf({ realm, withOwn }, client, leave),
    ...(claims.length > 0 && { claims }),
    ...(subject !== undefined && faultIn(() => checkImportedSubject(subject)) === undefined && { subject }),
    ...(secret !== undefined && { clientSecret: secret }),
  }
}

function secretOf({ secret }: KeycloakClient, leave: (reason: string) => void): string | undefined {
  const reset = 'it has none here until you reset it.'
  if (secret === undefined) leave(`There is no secret of it: ${reset}`)
  else if (/^\*+$/.test(secret))
    leave(`Its secret is masked, as a partial export does: ${reset} Export with kc.sh export.`)
  else if (secret.startsWith('$' + '{vault.')) leave(`Its secret is in a vault of Keycloak's: ${reset}`)
  else {
    const fault = faultIn(() => checkImportedClientSecret(secret))
    if (fault === undefined) return secret
    leave(`${fault} ${reset[0]?.toUpperCase()}${reset.slice(1)}`)
  }
  return undefined
}

function scopesOf(
  { realm, withOwn }: Pick<Planning, 'realm' | 'withOwn'>,
  client: KeycloakClient,
  leave: (reason: string) => void,
): string[] {
  const isUnnamed = (name: string) => realm.scopes.get(name)?.isNamed === false
  const isOwn = (name: string) => (!withOwn && OWN_SCOPES.has(name)) || isUnnamed(name)
  for (const name of client.optionalScopes.filter((one) => !OWN_SCOPES.has(one) && !isUnnamed(one)))
    leave(`Optional scope ${name}: here a token that asks for no scope has all that the account may have.`)
  const named = client.defaultScopes.filter((name) => !isOwn(name))
  for (const name of named.filter((one) => !isScopeToken(one))) leave(`Scope ${name}: it is no scope token.`)
  return [...new Set(named.filter(isScopeToken))].sort()
}

/** What mappers of the client and of its scopes put into `aud`. */
function audiencesOf(realm: KeycloakRealm, client: KeycloakClient): string[] {
  const found = mappersOf(realm, client)
    .filter(({ kind }) => kind === AUDIENCE_MAPPER)
    .map(({ config }) => config['included.custom.audience'] || config['included.client.audience'])
  return [...new Set(found.filter((one) => typeof one === 'string'))].sort()
}

function mappersOf(realm: KeycloakRealm, client: KeycloakClient): KeycloakMapper[] {
  const ofScopes = client.defaultScopes
    .filter((name) => !OWN_SCOPES.has(name))
    .flatMap((name) => realm.scopes.get(name)?.mappers ?? [])
  return [...client.mappers, ...ofScopes]
}

function leaveParts(realm: KeycloakRealm, client: KeycloakClient, leave: (reason: string) => void): void {
  if (client.hasLogin) leave('People log in with it too: that stays in Keycloak.')
  if (realm.grouped.has(client.clientId))
    leave('It is in groups: roles that it has by them are not taken over.')
  const lifespan = client.attributes['access.token.lifespan']
  if (lifespan !== undefined && lifespan !== '')
    leave(`Its tokens live for ${lifespan} s: here the realm says how long.`)
  if (client.attributes['client.secret.rotated'])
    leave('The secret that it had before its rotation is not taken over.')
}
