import { generateClientSecret, isGeneratedSecret } from '../../crypto/client-secret.ts'
import { newClientId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import { checkAccountRights, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { DEFAULT_ROLE } from '../../domain/role.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  nameKey,
  parseDescription,
  parseDisplayName,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { insertClientSecret } from '../../storage/client-secrets.ts'
import { type DatabaseTransaction, violatedConstraint } from '../../storage/database.ts'
import { updateRealmImportsSecrets, updateRealmTakingPlace } from '../../storage/realms.ts'
import { insertServiceAccount } from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockRealmNamed } from '../realms/named-realm.ts'
import { type HashedSecret, hashSecret, secretRecord } from './hashed-secrets.ts'
import { takeStatusIndex } from './status-indexes.ts'

export interface NewServiceAccountRequest {
  readonly name: string
  readonly description?: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[] | undefined
  readonly introspectsAudiences?: readonly string[] | undefined
  /** Credentials that the client has already; both or none. */
  readonly imported?: { readonly clientId: string; readonly clientSecret: string }
}

export interface ServiceAccountWithSecret {
  readonly account: ServiceAccount
  readonly clientSecret: string
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'publicUrl'>

/** @throws Refusal `forbidden`, `not_found`, `invalid`, `name_taken`, `client_id_taken`, `limit_reached` */
export async function createServiceAccount(
  deps: Deps,
  actor: Actor,
  realmName: string,
  request: NewServiceAccountRequest,
): Promise<ServiceAccountWithSecret> {
  const permit = (by: Actor) => {
    requireAuthority(by, realmName, 'administer')
    requireHeldRoles(by, request.roles ?? [])
  }
  permit(actor)
  const name = parseDisplayName(request.name)
  const asked = { ...request, name, description: parseDescription(request.description ?? '') }
  if (request.imported) checkImported(request.imported)
  const clientSecret = request.imported?.clientSecret ?? generateClientSecret()
  const hashed = await hashSecret(deps, realmName, clientSecret)
  const account = await inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
    const realm = await takePlace(trx, realmName)
    checkVersion(null, 'the list')
    const now = deps.clock()
    const created = await insert(deps, { trx, realm, now }, asked)
    await insertSecret(deps, { trx, realm, now }, created.clientId, hashed)
    const details = { name, roles: created.roles, imported: request.imported !== undefined }
    const event = done(actor, 'service-account.create', created.clientId, details)
    await insertAuditEvent(trx, realm, event, now)
    return created
  }).catch((error: unknown) => {
    throw takenRefusal(error, name) ?? error
  })
  return { account, clientSecret }
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly realm: Realm
  readonly now: Date
}

async function insert(
  { publicUrl }: Deps,
  { trx, realm, now }: Context,
  asked: NewServiceAccountRequest & { readonly description: string },
): Promise<ServiceAccount> {
  checkAccountRights(realm, asked, publicUrl)
  const { name, description, roles = [DEFAULT_ROLE], scopes, introspectsAudiences } = asked
  const clientId = asked.imported?.clientId ?? newClientId()
  requireRoomForRights(publicUrl, realm, { clientId, roles, scopes })
  const statusIndex = await takeStatusIndex(trx, realm)
  const row = { clientId, name, nameKey: nameKey(name), description, roles, scopes, introspectsAudiences }
  return insertServiceAccount(trx, realm.id, { ...row, statusIndex }, now)
}

async function insertSecret(
  deps: Deps,
  { trx, realm, now }: Context,
  clientId: string,
  hashed: HashedSecret,
): Promise<void> {
  const secret = secretRecord(deps, { realmId: realm.id, clientId }, hashed)
  await insertClientSecret(trx, realm.id, clientId, secret, now)
  if (!secret.hmac) await updateRealmImportsSecrets(trx, realm.id)
}

async function takePlace(trx: DatabaseTransaction, realmName: string): Promise<Realm> {
  // Held, so that the roles and scopes it is checked against cannot change meanwhile.
  const realm = await lockRealmNamed(trx, realmName)
  if ((await updateRealmTakingPlace(trx, realm.id)) === undefined) throw limitReached(realm)
  return realm
}

function checkImported({ clientId, clientSecret }: { clientId: string; clientSecret: string }): void {
  checkImportedClientId(clientId)
  checkImportedClientSecret(clientSecret)
  // Generated ones are checked without a limit to guesses, which only secrets of our own making can stand.
  if (isGeneratedSecret(clientSecret))
    throw new Refusal(
      'invalid',
      'A client_secret of the form mm_… cannot be imported: leave it out, and the server makes one.',
      'client_secret',
    )
}

function limitReached({ name, serviceAccountLimit }: Realm): Refusal {
  return new Refusal(
    'limit_reached',
    `Realm ${name} has reached its limit of ${serviceAccountLimit} service accounts.`,
    undefined,
    serviceAccountLimit,
  )
}

/** The refusal that a violated constraint stands for. */
export function takenRefusal(error: unknown, name: string): Refusal | undefined {
  switch (violatedConstraint(error)) {
    case 'service_accounts_name_key':
      return new Refusal('name_taken', `There is a service account named “${name}” already.`, 'name')
    case 'service_accounts_pkey':
      return new Refusal(
        'client_id_taken',
        'There is a service account with that client_id already.',
        'client_id',
      )
    default:
      return undefined
  }
}
