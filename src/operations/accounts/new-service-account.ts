import { generateClientSecret } from '../../crypto/client-secret.ts'
import { newClientId } from '../../crypto/identifier.ts'
import { type AccountLimitsUpdate, limitsOf, parseLimits } from '../../domain/account-limits.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import type { ClientKey } from '../../domain/client-key.ts'
import type { CustomClaim, Metadata } from '../../domain/custom-claim.ts'
import { checkAccountClaims } from '../../domain/custom-claim-check.ts'
import type { GrantKey } from '../../domain/grant.ts'
import { accountWarnings } from '../../domain/impossible-claims.ts'
import { checkQuota, type Quota } from '../../domain/quota.ts'
import { checkAccountRights, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { DEFAULT_ROLE } from '../../domain/role.ts'
import {
  type ListedClientSecret,
  nameKey,
  parseDescription,
  parseDisplayName,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { updateRealmTakingPlace } from '../../storage/realms.ts'
import { insertServiceAccount } from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed } from '../realms/named-realm.ts'
import { requireFreeClientId } from './account-subjects.ts'
import { methodsOf, requireAllowedMethods } from './auth-methods.ts'
import { hashSecret, storeSecret } from './hashed-secrets.ts'
import { parseJwksUri } from './jwks-uri.ts'
import { eachOnce, grantNew } from './new-account-grants.ts'
import { noteOfNew } from './new-account-note.ts'
import { insertNewKey, type NewClientKey, readNewKey } from './new-client-key.ts'
import { checkImported } from './sent-secrets.ts'
import { takeStatusIndex } from './status-indexes.ts'
import { limitReached, takenRefusal } from './taken-names.ts'

export interface NewServiceAccountRequest extends AccountLimitsUpdate {
  readonly name: string
  readonly description?: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[] | undefined
  readonly introspectsAudiences?: readonly string[] | undefined
  readonly claims?: readonly CustomClaim[] | undefined
  readonly metadata?: Metadata | undefined
  readonly quota?: Quota | null | undefined
  /** Roles on single resources. */
  readonly grants?: readonly GrantKey[] | undefined
  /** By what it may authenticate; without them by a secret, or where there is a key by that. */
  readonly authMethods?: readonly string[] | undefined
  /** First public key of the account. */
  readonly key?: NewClientKey | undefined
  /** Where it publishes its keys, instead of `key`. */
  readonly jwksUri?: string | undefined
  /** Credentials that the client already has; both or none. */
  readonly imported?: { readonly clientId: string; readonly clientSecret: string }
}

export interface ServiceAccountWithSecret {
  readonly account: ServiceAccount
  readonly clientSecret: string
  readonly secret: ListedClientSecret
  /** What was valid before, each with its end. */
  readonly oldSecrets: readonly ListedClientSecret[]
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'publicUrl'>

export interface CreatedServiceAccount {
  readonly account: ServiceAccount
  /** Of its claims, for people. */
  readonly warnings?: readonly string[] | undefined
  /** `undefined`: it may not authenticate with one. */
  readonly clientSecret: string | undefined
  readonly secret?: ListedClientSecret | undefined
  readonly key?: ClientKey | undefined
}

/** Default: an account with a secret. */
export type NewAccountWithSecret = NewServiceAccountRequest & {
  readonly authMethods?: undefined
  readonly key?: undefined
  readonly jwksUri?: undefined
}

/** @throws Refusal `forbidden`, `not_found`, `invalid`, `name_taken`, `client_id_taken`, `limit_reached` */
export async function createServiceAccount(
  deps: Deps,
  actor: Actor,
  realmName: string,
  request: NewAccountWithSecret,
): Promise<ServiceAccountWithSecret>

export async function createServiceAccount(
  deps: Deps,
  actor: Actor,
  realmName: string,
  request: NewServiceAccountRequest,
): Promise<CreatedServiceAccount>

export async function createServiceAccount(
  deps: Deps,
  actor: Actor,
  realmName: string,
  request: NewServiceAccountRequest,
): Promise<CreatedServiceAccount> {
  const permit = (by: Actor) => {
    requireAuthority(by, realmName, 'administer')
    requireHeldRoles(by, [...(request.roles ?? []), ...(request.grants ?? []).map(({ role }) => role)])
  }
  permit(actor)
  const name = parseDisplayName(request.name)
  const authMethods = methodsOf(request)
  const description = parseDescription(request.description ?? '')
  const asked = {
    ...request,
    ...parseLimits(request),
    grants: eachOnce(request.grants),
    name,
    description,
    authMethods,
    jwksUri: parseJwksUri(request.jwksUri),
  }
  if (request.imported) checkImported(request.imported, authMethods)
  const { clientSecret, hashed, read } = await prepare(deps, realmName, asked)
  return inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
    const realm = await takePlace(trx, realmName)
    checkVersion(null, 'the list')
    const now = deps.clock()
    const context = { trx, realm, now }
    const account = await grantNew(context, await insert(deps, context, asked), asked.grants)
    const secret = hashed && (await storeSecret(deps, context, account.clientId, hashed))
    const key = read && (await insertNewKey({ ...context, account }, read))
    const details = noteOfNew(account, asked, key)
    await insertAuditEvent(trx, realm, done(actor, 'service-account.create', account.clientId, details), now)
    const warnings = accountWarnings(account, realm, deps.publicUrl)
    return { account, clientSecret, secret, oldSecrets: [], key, warnings }
  }).catch((error: unknown) => {
    throw takenRefusal(error, name) ?? error
  })
}

/** The slow parts, before rows are locked. */
async function prepare(
  deps: Deps,
  realmName: string,
  { authMethods, imported, key }: NewServiceAccountRequest,
) {
  const read = key && (await readNewKey(key, deps.clock()).catch(nameKeyMember))
  if (!authMethods?.includes('client_secret')) return { clientSecret: undefined, hashed: undefined, read }
  const clientSecret = imported?.clientSecret ?? generateClientSecret()
  return { clientSecret, hashed: await hashSecret(deps, realmName, clientSecret), read }
}

/** In the request, what is wrong with a key is below its member `key`. */
function nameKeyMember(error: unknown): never {
  if (!(error instanceof Refusal)) throw error
  throw new Refusal(error.code, error.message, `key.${error.field}`)
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  readonly now: Date
}

async function insert(
  { publicUrl }: Deps,
  { trx, realm, now }: Context,
  asked: NewServiceAccountRequest & Pick<ServiceAccount, 'description' | 'authMethods'>,
): Promise<ServiceAccount> {
  checkAccountRights(realm, asked, publicUrl)
  checkAccountClaims(asked)
  checkQuota(asked.quota)
  requireAllowedMethods(realm, asked.authMethods)
  const { name, description, roles = [DEFAULT_ROLE], scopes, introspectsAudiences } = asked
  const { claims, metadata, quota, authMethods, jwksUri } = asked
  const clientId = asked.imported?.clientId ?? newClientId()
  await requireFreeClientId(trx, realm.id, clientId)
  requireRoomForRights(publicUrl, realm, { clientId, name, roles, scopes, claims, metadata })
  const statusIndex = await takeStatusIndex(trx, realm)
  const rights = { roles, scopes, introspectsAudiences, claims, metadata, quota, authMethods, jwksUri }
  const named = { clientId, name, nameKey: nameKey(name), description, statusIndex }
  return insertServiceAccount(trx, realm.id, { ...named, ...rights, ...limitsOf(asked) }, now)
}

async function takePlace(trx: DatabaseTransaction, realmName: string): Promise<Realm> {
  // Locked, so that roles and scopes of the realm cannot change meanwhile.
  const realm = await lockRealmNamed(trx, realmName)
  if ((await updateRealmTakingPlace(trx, realm.id)) === undefined) throw limitReached(realm)
  return realm
}
