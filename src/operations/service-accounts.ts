import { generateClientSecret, hmacOf, isGeneratedSecret } from '../crypto/client-secret.ts'
import { newClientId, newId } from '../crypto/identifier.ts'
import type { Actor } from '../domain/actor.ts'
import { requireAuthority, requireHeldRoles } from '../domain/authority.ts'
import { checkAccountRights, type Realm } from '../domain/realm.ts'
import { Refusal } from '../domain/refusal.ts'
import { DEFAULT_ROLE } from '../domain/role.ts'
import {
  checkImportedClientId,
  nameKey,
  parseServiceAccountName,
  type ServiceAccount,
} from '../domain/service-account.ts'
import { insertAuditEvent } from '../storage/audit-events.ts'
import { deleteClientSecrets, insertClientSecret, type NewClientSecret } from '../storage/client-secrets.ts'
import { type DatabaseTransaction, inTransaction, violatedConstraint } from '../storage/database.ts'
import {
  findRealmByName,
  updateRealmFreeingPlace,
  updateRealmImportsSecrets,
  updateRealmTakingPlace,
} from '../storage/realms.ts'
import {
  deleteServiceAccount,
  findServiceAccount,
  insertServiceAccount,
  listServiceAccounts,
  lockServiceAccount,
  updateServiceAccount,
} from '../storage/service-accounts.ts'
import type { Dependencies } from './dependencies.ts'
import { unknownRealm } from './realms.ts'

export interface NewServiceAccountRequest {
  readonly name: string
  readonly description?: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[] | undefined
  /** Credentials that the client has already; both or none. */
  readonly imported?: { readonly clientId: string; readonly clientSecret: string }
}

/** An account with the secret that is shown once. */
export interface ServiceAccountWithSecret {
  readonly account: ServiceAccount
  readonly clientSecret: string
}

export interface ServiceAccountOperations {
  /** @throws Refusal `not_found`, `invalid`, `name_taken`, `client_id_taken`, `limit_reached` */
  createServiceAccount(
    actor: Actor,
    realmName: string,
    request: NewServiceAccountRequest,
  ): Promise<ServiceAccountWithSecret>
  /** A page in order of name, beginning after a name. */
  listServiceAccounts(
    actor: Actor,
    realmName: string,
    after: string,
    limit: number,
  ): Promise<ServiceAccount[]>
  /** @throws Refusal `not_found` */
  findServiceAccount(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccount>
  /** All old secrets stop with the commit. */
  resetClientSecret(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccountWithSecret>
  setServiceAccountEnabled(
    actor: Actor,
    realmName: string,
    clientId: string,
    enabled: boolean,
  ): Promise<ServiceAccount>
  deleteServiceAccount(actor: Actor, realmName: string, clientId: string): Promise<void>
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey'>

export function serviceAccountOperations(deps: Deps): ServiceAccountOperations {
  const { db, clock } = deps

  async function realmNamed(name: string): Promise<Realm> {
    const realm = await findRealmByName(db, name)
    if (!realm) throw unknownRealm(name)
    return realm
  }

  /** Changes one account while holding its row, and leaves a line in the audit trail. */
  async function changeAccount<T>(
    actor: Actor,
    action: string,
    realmName: string,
    clientId: string,
    change: (trx: DatabaseTransaction, account: ServiceAccount, now: Date) => Promise<T>,
  ): Promise<T> {
    requireAuthority(actor, realmName, 'administer')
    const realm = await realmNamed(realmName)
    const now = clock()
    return inTransaction(db, async (trx) => {
      // The realm before the account, as creation locks them: or the two could wait for each other.
      if (action === 'service-account.delete') await updateRealmFreeingPlace(trx, realm.id)
      const account = await lockServiceAccount(trx, realm.id, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      requireHeldRoles(actor, account.roles)
      const result = await change(trx, account, now)
      const details = { name: account.name }
      await insertAuditEvent(trx, realm, { actor, action, target: clientId, outcome: 'done', details }, now)
      return result
    })
  }

  return {
    async createServiceAccount(actor, realmName, request) {
      requireAuthority(actor, realmName, 'administer')
      requireHeldRoles(actor, request.roles ?? [])
      const name = parseServiceAccountName(request.name)
      if (request.imported) checkImported(request.imported)
      const realm = await realmNamed(realmName)
      checkAccountRights(realm, request)
      const clientSecret = request.imported?.clientSecret ?? generateClientSecret()
      const secret = await secretRecord(deps, clientSecret)
      const now = clock()
      const account = await inTransaction(db, async (trx) => {
        if ((await updateRealmTakingPlace(trx, realm.id)) === undefined) throw limitReached(realm)
        const created = await insertServiceAccount(
          trx,
          realm.id,
          {
            clientId: request.imported?.clientId ?? newClientId(),
            name,
            nameKey: nameKey(name),
            description: request.description ?? '',
            roles: request.roles ?? [DEFAULT_ROLE],
            scopes: request.scopes,
          },
          now,
        )
        await insertClientSecret(trx, realm.id, created.clientId, secret, now)
        if (!secret.hmac) await updateRealmImportsSecrets(trx, realm.id)
        const details = { name, roles: created.roles, imported: request.imported !== undefined }
        await insertAuditEvent(
          trx,
          realm,
          { actor, action: 'service-account.create', target: created.clientId, outcome: 'done', details },
          now,
        )
        return created
      }).catch((error: unknown) => {
        throw takenRefusal(error, name) ?? error
      })
      return { account, clientSecret }
    },

    async listServiceAccounts(actor, realmName, after, limit) {
      requireAuthority(actor, realmName, 'view')
      return listServiceAccounts(db, (await realmNamed(realmName)).id, { nameKey: nameKey(after) }, limit)
    },

    async findServiceAccount(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'view')
      const account = await findServiceAccount(db, (await realmNamed(realmName)).id, clientId)
      if (!account) throw unknownAccount(realmName, clientId)
      return account
    },

    async resetClientSecret(actor, realmName, clientId) {
      const clientSecret = generateClientSecret()
      const secret = await secretRecord(deps, clientSecret)
      return changeAccount(
        actor,
        'service-account.reset-secret',
        realmName,
        clientId,
        async (trx, old, now) => {
          await deleteClientSecrets(trx, old.realmId, clientId)
          await insertClientSecret(trx, old.realmId, clientId, secret, now)
          const account = await updateServiceAccount(trx, old.realmId, clientId, {}, now)
          return { account, clientSecret }
        },
      )
    },

    async setServiceAccountEnabled(actor, realmName, clientId, enabled) {
      const action = enabled ? 'service-account.enable' : 'service-account.disable'
      return changeAccount(actor, action, realmName, clientId, async (trx, account, now) => {
        if (enabled === (account.disabledAt === undefined)) return account
        const disabledAt = enabled ? undefined : now
        return updateServiceAccount(trx, account.realmId, clientId, { disabledAt }, now)
      })
    },

    async deleteServiceAccount(actor, realmName, clientId) {
      await changeAccount(actor, 'service-account.delete', realmName, clientId, async (trx, account) => {
        await deleteServiceAccount(trx, account.realmId, clientId)
      })
    },
  }
}

async function secretRecord({ argon2, verifierKey }: Deps, secret: string): Promise<NewClientSecret> {
  return {
    id: newId(),
    phc: await argon2.hash(secret),
    hmac: isGeneratedSecret(secret) ? hmacOf(secret, verifierKey) : undefined,
    // Four characters of a short secret would be worth having.
    lastFour: isGeneratedSecret(secret) ? secret.slice(-4) : '',
  }
}

function checkImported({ clientId, clientSecret }: { clientId: string; clientSecret: string }): void {
  checkImportedClientId(clientId)
  if (!/^[^\p{C}]{8,256}$/u.test(clientSecret))
    throw new Refusal('invalid', 'A client_secret has 8 to 256 printable characters.', 'client_secret')
}

function unknownAccount(realmName: string, clientId: string): Refusal {
  return new Refusal('not_found', `Realm ${realmName} has no service account ${clientId}.`, 'client_id')
}

function limitReached({ name, serviceAccountLimit }: Realm): Refusal {
  return new Refusal(
    'limit_reached',
    `Realm ${name} has reached its limit of ${serviceAccountLimit} service accounts.`,
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
