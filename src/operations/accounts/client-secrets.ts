import { generateClientSecret } from '../../crypto/client-secret.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type ClientSecret, parseOverlapEnd } from '../../domain/service-account.ts'
import {
  deleteClientSecret,
  deleteClientSecrets,
  insertClientSecret,
  listClientSecrets,
  updateClientSecretExpiry,
} from '../../storage/client-secrets.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import type { Dependencies } from '../dependencies.ts'
import { type ChangeContext, changeAccount, realmNamed, unknownAccount } from './account-changes.ts'
import { type HashedSecret, hashSecret, secretRecord } from './hashed-secrets.ts'
import type { ServiceAccountWithSecret } from './service-accounts.ts'

/** A secret's record as an administrator may see it. */
export type ListedClientSecret = Omit<ClientSecret, 'phc' | 'hmac'>

export interface RotatedClientSecret extends ServiceAccountWithSecret {
  readonly secret: ListedClientSecret
}

export interface ClientSecretOperations {
  /** All old secrets stop with the commit. @throws Refusal `forbidden`, `not_found` */
  resetClientSecret(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccountWithSecret>
  /** The secrets that are valid now, newest first. */
  listClientSecrets(actor: Actor, realmName: string, clientId: string): Promise<ListedClientSecret[]>
  /**
   * Adds a second secret; the first one ends by itself.
   * @param oldEndsAt within 90 days; default: in 24 hours
   * @throws Refusal `conflict` where there are two already, `invalid`
   */
  startSecretRotation(
    actor: Actor,
    realmName: string,
    clientId: string,
    oldEndsAt?: Date,
  ): Promise<RotatedClientSecret>
  /**
   * Ends a rotation: without the old secret it is finished, without the new one it never was.
   * @throws Refusal `not_found`; `conflict` for the only one
   */
  deleteClientSecret(actor: Actor, realmName: string, clientId: string, secretId: string): Promise<void>
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil'>

export function clientSecretOperations(deps: Deps): ClientSecretOperations {
  const { db, clock } = deps
  return {
    async resetClientSecret(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'administer')
      const clientSecret = generateClientSecret()
      const hashed = await hashSecret(deps, realmName, clientSecret)
      const about = { actor, action: 'service-account.reset-secret', realmName, clientId } as const
      return changeAccount(deps, about, async (context) => {
        await deleteClientSecrets(context.trx, context.realm.id, clientId)
        const { account } = await addSecret(deps, context, hashed)
        return { account, clientSecret }
      })
    },

    async listClientSecrets(actor, realmName, clientId) {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const secrets = await listClientSecrets(db, id, clientId)
      if (secrets.length === 0) throw unknownAccount(realmName, clientId)
      return secrets.filter((secret) => isValid(secret, clock())).map(withoutVerifiers)
    },

    async startSecretRotation(actor, realmName, clientId, oldEndsAt) {
      requireAuthority(actor, realmName, 'administer')
      const endsAt = parseOverlapEnd(oldEndsAt, clock())
      const clientSecret = generateClientSecret()
      const hashed = await hashSecret(deps, realmName, clientSecret)
      const about = { actor, action: 'service-account.rotate-secret', realmName, clientId } as const
      return changeAccount(deps, about, async (context) => {
        const { trx, realm, now, note } = context
        const old = await validSecrets(context)
        if (old.length > 1)
          throw new Refusal('conflict', 'There are two secrets already: finish that rotation or cancel it.')
        for (const { id } of old) await updateClientSecretExpiry(trx, realm.id, clientId, id, endsAt)
        const { account, record } = await addSecret(deps, context, hashed)
        const { id, lastFour } = record
        note({ secret: id, old_ends_at: endsAt })
        const secret = { id, lastFour, createdAt: now, expiresAt: undefined, lastUsedAt: undefined }
        return { account, clientSecret, secret }
      })
    },

    async deleteClientSecret(actor, realmName, clientId, secretId) {
      const about = { actor, action: 'service-account.delete-secret', realmName, clientId } as const
      await changeAccount(deps, about, async (context) => {
        const { trx, realm, now, note } = context
        const secrets = await validSecrets(context)
        const [doomed, other] = [true, false].map((is) => secrets.find(({ id }) => (id === secretId) === is))
        if (!doomed) throw new Refusal('not_found', `There is no secret ${secretId}.`, 'id')
        if (!other) throw new Refusal('conflict', 'The only secret cannot be deleted: reset it instead.')
        await deleteClientSecret(trx, realm.id, clientId, secretId)
        await updateClientSecretExpiry(trx, realm.id, clientId, other.id, undefined)
        note({ secret: secretId })
        await updateServiceAccount(trx, realm.id, clientId, {}, now)
      })
    },
  }
}

async function addSecret(
  deps: Deps,
  { trx, realm, account: { clientId }, now }: ChangeContext,
  hashed: HashedSecret,
) {
  const record = secretRecord(deps, { realmId: realm.id, clientId }, hashed)
  await insertClientSecret(trx, realm.id, clientId, record, now)
  return { record, account: await updateServiceAccount(trx, realm.id, clientId, {}, now) }
}

/** Those that are still good; what has ended is cleared away. */
async function validSecrets({ trx, realm, account, now }: ChangeContext): Promise<ClientSecret[]> {
  const secrets = await listClientSecrets(trx, realm.id, account.clientId)
  for (const secret of secrets) {
    if (!isValid(secret, now)) await deleteClientSecret(trx, realm.id, account.clientId, secret.id)
  }
  return secrets.filter((secret) => isValid(secret, now))
}

function isValid({ expiresAt }: ClientSecret, now: Date): boolean {
  return expiresAt === undefined || expiresAt > now
}

function withoutVerifiers({ phc: _phc, hmac: _hmac, ...listed }: ClientSecret): ListedClientSecret {
  return listed
}
