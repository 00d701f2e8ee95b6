import { generateClientSecret, isGeneratedSecret } from '../../crypto/client-secret.ts'
import { newClientId } from '../../crypto/identifier.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import type { Page } from '../../domain/page.ts'
import { checkAccountRights, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { DEFAULT_ROLE } from '../../domain/role.ts'
import {
  checkImportedClientId,
  checkImportedClientSecret,
  nameKey,
  parseDescription,
  parseServiceAccountName,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { insertClientSecret } from '../../storage/client-secrets.ts'
import { type DatabaseTransaction, violatedConstraint } from '../../storage/database.ts'
import {
  lockRealmByName,
  updateRealmFreeingPlace,
  updateRealmImportsSecrets,
  updateRealmTakingPlace,
} from '../../storage/realms.ts'
import {
  deleteServiceAccount,
  findServiceAccount,
  insertServiceAccount,
  listServiceAccounts,
  type ServiceAccountFilter,
  updateServiceAccount,
} from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import type { Dependencies } from '../dependencies.ts'
import { unknownRealm } from '../realms/realms.ts'
import {
  type AccountChange,
  changeAccount,
  keepPlatformAdministrator,
  realmNamed,
  unknownAccount,
} from './account-changes.ts'
import { hashSecret, secretRecord } from './hashed-secrets.ts'
import {
  actionOf,
  changesOf,
  losesAdministration,
  pick,
  type ServiceAccountUpdate,
} from './service-account-update.ts'
import { replaceStatusIndex, retireStatusIndex, takeStatusIndex } from './status-indexes.ts'

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

export interface ServiceAccountOperations {
  /** @throws Refusal `forbidden`, `not_found`, `invalid`, `name_taken`, `client_id_taken`, `limit_reached` */
  createServiceAccount(
    actor: Actor,
    realmName: string,
    request: NewServiceAccountRequest,
  ): Promise<ServiceAccountWithSecret>
  /** A page in order of name. */
  listServiceAccounts(
    actor: Actor,
    realmName: string,
    filter: ServiceAccountFilter,
  ): Promise<Page<ServiceAccount>>
  /** @throws Refusal `forbidden`, `not_found` */
  findServiceAccount(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount>
  /** @throws Refusal also `invalid`, `name_taken`, `changed_meanwhile`, `last_administrator` */
  updateServiceAccount(
    actor: Actor,
    realmName: string,
    clientId: string,
    update: ServiceAccountUpdate & Pick<AccountChange, 'expectedVersion'>,
  ): Promise<ServiceAccount>
  /** @throws Refusal also `last_administrator` */
  deleteServiceAccount(actor: Actor, realmName: string, clientId: string): Promise<void>
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'publicUrl'>

export function serviceAccountOperations(deps: Deps): ServiceAccountOperations {
  const { db, clock } = deps
  return {
    async createServiceAccount(actor, realmName, request) {
      const permit = (by: Actor) => {
        requireAuthority(by, realmName, 'administer')
        requireHeldRoles(by, request.roles ?? [])
      }
      permit(actor)
      const name = parseServiceAccountName(request.name)
      const description = parseDescription(request.description ?? '')
      if (request.imported) checkImported(request.imported)
      const clientSecret = request.imported?.clientSecret ?? generateClientSecret()
      const hashed = await hashSecret(deps, realmName, clientSecret)
      const account = await inChange(deps, { actor, permit, realmName }, async ({ trx, checkVersion }) => {
        const realm = await takePlace(trx, realmName)
        checkVersion(null, 'the list')
        const now = clock()
        checkAccountRights(realm, request, deps.publicUrl)
        const clientId = request.imported?.clientId ?? newClientId()
        const { roles = [DEFAULT_ROLE], scopes } = request
        requireRoomForRights(deps.publicUrl, realm, { clientId, roles, scopes })
        const created = await insertServiceAccount(
          trx,
          realm.id,
          {
            clientId,
            name,
            nameKey: nameKey(name),
            description,
            roles,
            scopes,
            introspectsAudiences: request.introspectsAudiences,
            statusIndex: await takeStatusIndex(trx, realm),
          },
          now,
        )
        const secret = secretRecord(deps, { realmId: realm.id, clientId: created.clientId }, hashed)
        await insertClientSecret(trx, realm.id, created.clientId, secret, now)
        if (!secret.hmac) await updateRealmImportsSecrets(trx, realm.id)
        const details = { name, roles: created.roles, imported: request.imported !== undefined }
        const action = 'service-account.create'
        const event = { actor, action, target: created.clientId, outcome: 'done', details } as const
        await insertAuditEvent(trx, realm, event, now)
        return created
      }).catch((error: unknown) => {
        throw takenRefusal(error, name) ?? error
      })
      return { account, clientSecret }
    },

    async listServiceAccounts(actor, realmName, filter) {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const items = await listServiceAccounts(db, id, { ...filter, limit: filter.limit + 1 })
      if (items.length <= filter.limit) return { items, next: undefined }
      items.pop()
      return { items, next: nameKey((items.at(-1) as ServiceAccount).name) }
    },

    async findServiceAccount(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'view')
      const account = await findServiceAccount(db, (await realmNamed(db, realmName)).id, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      return account
    },

    async updateServiceAccount(actor, realmName, clientId, { expectedVersion, ...update }) {
      const action = actionOf(update)
      const about = { actor, action, realmName, clientId, roles: update.roles, expectedVersion }
      return changeAccount(deps, about, async (context) => {
        const { trx, account, now, note, noteNothing } = context
        checkAccountRights(context.realm, update, deps.publicUrl)
        const changes = changesOf(account, update, now)
        if (Object.keys(changes).length === 0) {
          noteNothing()
          return account
        }
        if (changes.roles || 'scopes' in changes)
          requireRoomForRights(deps.publicUrl, context.realm, { ...account, ...changes }, account)
        if (losesAdministration(account, changes)) await keepPlatformAdministrator(context)
        note({ before: pick(account, changes), after: pick({ ...account, ...changes }, changes) })
        // Disabled, it has no tokens; enabled again, it gets tokens with another index.
        const renewed = changes.disabledAt ? { statusIndex: await replaceStatusIndex(context) } : {}
        return updateServiceAccount(trx, account.realmId, clientId, { ...changes, ...renewed }, now)
      }).catch((error: unknown) => {
        throw takenRefusal(error, update.name ?? '') ?? error
      })
    },

    async deleteServiceAccount(actor, realmName, clientId) {
      const about = { actor, action: 'service-account.delete', realmName, clientId } as const
      await changeAccount(deps, about, async (context) => {
        await keepPlatformAdministrator(context)
        await retireStatusIndex(context)
        await deleteServiceAccount(context.trx, context.realm.id, clientId)
        await updateRealmFreeingPlace(context.trx, context.realm.id)
      })
    },
  }
}

async function takePlace(trx: DatabaseTransaction, realmName: string): Promise<Realm> {
  // Held, so that the roles and scopes it is checked against cannot change meanwhile.
  const realm = await lockRealmByName(trx, realmName)
  if (!realm) throw unknownRealm(realmName)
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

function takenRefusal(error: unknown, name: string): Refusal | undefined {
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
