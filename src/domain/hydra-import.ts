import type { AccountLine } from './account-line.ts'
import { isAudience } from './audience.ts'
import { MAX_KEYS } from './client-key.ts'
import { parseForeignHash } from './foreign-hash.ts'
import type { HydraClient } from './hydra-client.ts'
import { hydraMetadata } from './hydra-metadata.ts'
import { faultIn, type ImportPlan, type LeftBehind, takeName } from './import-plan.ts'
import { parseKeyAddress } from './key-address.ts'
import { isScopeToken } from './scope.ts'
import { checkImportedClientId } from './service-account.ts'

/** Scopes for people who log in. */
const OWN_SCOPES: ReadonlySet<string> = new Set(['openid', 'offline', 'offline_access'])

const GRANT = 'client_credentials'
const BY_SECRET: ReadonlySet<string> = new Set(['client_secret_basic', 'client_secret_post'])

const NOTES: readonly string[] = [
  'A token that asks for no scope has all scopes of its account, and one that asks for no audience has the first of the realm; Hydra gives none of either.',
  'Audiences are those of the realm: each of its accounts may ask for each of them. Give roles, or make a realm for each group of clients that must not.',
  'Scopes for people who log in (openid, offline, offline_access) are not taken over.',
  'New accounts get no roles. Those that you give them stay when you import again.',
]

type Leave = (reason: string) => void

/** Decides what becomes of each client. @param isWanted by its client_id */
export function planHydraImport(
  clients: readonly HydraClient[],
  isWanted: (clientId: string) => boolean,
): ImportPlan {
  const left: LeftBehind[] = []
  const accounts: AccountLine[] = []
  const audiences = new Map<string, readonly string[]>()
  const names = new Set<string>()
  for (const client of clients) {
    const { clientId } = client
    if (!isWanted(clientId)) continue
    const leave = (reason: string) => void left.push({ clientId, reason })
    const fault = faultOf(client)
    if (fault !== undefined) leave(fault)
    else {
      accounts.push(accountOf(client, names, leave))
      audiences.set(clientId, audiencesOf(client, leave))
      leaveParts(client, leave)
    }
  }
  return { accounts, audiences, audiencesAreAsked: true, left, notes: NOTES }
}

/** Why a client is not taken over at all. */
function faultOf({ clientId, authMethod, grantTypes }: HydraClient): string | undefined {
  if (authMethod === 'none') return 'It is a public client: people log in with it, and it has no secret.'
  if (!grantTypes.includes(GRANT))
    return `It has no grant ${GRANT} (but ${grantTypes.join(' ') || 'authorization_code'}): people log in with it, or it asserts others.`
  if (!BY_SECRET.has(authMethod) && authMethod !== 'private_key_jwt')
    return `It authenticates by ${authMethod}, which is not here.`
  return faultIn(() => checkImportedClientId(clientId))
}

function accountOf(client: HydraClient, names: Set<string>, leave: Leave): AccountLine {
  const metadata = hydraMetadata(client, leave)
  return {
    clientId: client.clientId,
    name: takeName(client, names),
    roles: [],
    scopes: scopesOf(client, leave),
    keep: client.scopes.some(isPattern) ? ['roles', 'scopes'] : ['roles'],
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(client.authMethod === 'private_key_jwt' ? keysOf(client, leave) : secretOf(client, leave)),
  }
}

function secretOf({ secretHash }: HydraClient, leave: Leave): Pick<AccountLine, 'secretHash'> {
  const fault = faultIn(() => parseForeignHash(secretHash))
  if (fault === undefined) return { secretHash }
  leave(`${fault} It has no secret here until you reset it.`)
  return {}
}

/** Where it publishes keys, Hydra looks nowhere else. */
function keysOf({ jwksUri, keys }: HydraClient, leave: Leave): Pick<AccountLine, 'jwks' | 'jwksUri'> {
  const none = 'It has no key here until you add one.'
  if (jwksUri !== '') {
    const fault = faultIn(() => parseKeyAddress(jwksUri, 'jwks_uri'))
    if (fault === undefined) return { jwksUri }
    leave(`${fault} ${none}`)
    return { jwks: { keys: [] } }
  }
  const signing = keys.filter(({ use }) => use === undefined || use === 'sig')
  if (signing.length < keys.length) leave('Keys of it that are not for signatures are not taken over.')
  if (signing.length === 0) leave(`There is no key of it for signatures. ${none}`)
  if (signing.length > MAX_KEYS) leave(`It has ${signing.length} keys: the first ${MAX_KEYS} are taken over.`)
  return { jwks: { keys: signing.slice(0, MAX_KEYS) } }
}

/** By Hydra's strategy `wildcard`, which is its default. */
function isPattern(scope: string): boolean {
  return scope.includes('*')
}

function scopesOf({ scopes }: HydraClient, leave: Leave): string[] {
  const named = scopes.filter((one) => !OWN_SCOPES.has(one))
  for (const one of named.filter(isPattern))
    leave(
      `Scope ${one}: it stands for many, and here a scope is itself alone. Name those that it uses: mintmark service-account update --scope …`,
    )
  for (const one of named.filter((scope) => !isScopeToken(scope)))
    leave(`Scope ${one}: it is no scope token of at most 100 characters.`)
  return named.filter((scope) => !isPattern(scope) && isScopeToken(scope)).sort()
}

function audiencesOf({ audiences }: HydraClient, leave: Leave): string[] {
  for (const one of audiences.filter((audience) => !isAudience(audience)))
    leave(`Audience ${one}: it is neither a URI nor a plain name.`)
  return audiences.filter(isAudience).sort()
}

function leaveParts(client: HydraClient, leave: Leave): void {
  const logins = client.grantTypes.filter((one) => one !== GRANT)
  if (logins.length > 0) leave(`Grants ${logins.join(' ')}: they stay in Hydra.`)
  if (client.secretExpires)
    leave('Its client_secret_expires_at: Hydra does not heed it, and here the secret does not end by itself.')
  if (client.lifespanSeconds !== undefined)
    leave(`Its tokens live for ${client.lifespanSeconds} s: here the realm says how long.`)
  if (client.tokenStrategy === 'opaque') leave('Its tokens are opaque: here they are JWTs.')
  if (client.others.length > 0) leave(`Nothing here has a place for its ${client.others.join(', ')}.`)
}
