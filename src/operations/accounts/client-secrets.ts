import { generateClientSecret } from '../../crypto/client-secret.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type ClientSecret, type ListedClientSecret, parseOverlapEnd } from '../../domain/service-account.ts'
import {
  insertClientSecret,
  listClientSecrets,
  updateClientSecretExpiry,
} from '../../storage/client-secrets.ts'
import { deleteCredentials } from '../../storage/credentials.ts'
import { findServiceAccount, updateServiceAccount } from '../../storage/service-accounts.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import { attemptOf, type ChangeContext, changeAccount, unknownAccount } from './account-changes.ts'
import { requireSecretMethod } from './auth-methods.ts'
import { type HashedSecret, hashSecret, newlyListed, secretRecord } from './hashed-secrets.ts'
import type { ServiceAccountWithSecret } from './new-service-account.ts'

type Deps = Pick<Dependencies, 'db' | 'clock' | 'argon2' | 'verifierKey' | 'plainHashesUntil' | 'refusals'>

export type ClientSecrets = ReturnType<typeof clientSecrets>

export function clientSecrets(deps: Deps) {
  const { db, clock, refusals } = deps
  return {
    /**
     * All old secrets stop with the commit.
     * @throws Refusal `forbidden`, `not_found`; `conflict` for an account that may have none
     */
    reset(actor: Actor, realmName: string, clientId: string): Promise<ServiceAccountWithSecret> {
      const about = { actor, action: 'service-account.reset-secret', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), async () => {
        requireAuthority(actor, realmName, 'administer')
        const clientSecret = generateClientSecret()
        const hashed = await hashSecret(deps, realmName, clientSecret)
        return changeAccount(deps, about, async (context) => {
          requireSecretMethod(context)
          const old = await validSecrets(context)
          await deleteCredentials(context.trx, context.realm.id, { table: 'client_secrets', clientId })
          const added = await addSecret(deps, context, hashed)
          const oldSecrets = old.map((one) => ({ ...withoutVerifiers(one), expiresAt: context.now }))
          return { ...added, clientSecret, oldSecrets }
        })
      })
    },

    /** Valid secrets, newest first. */
    list(actor: Actor, realmName: string, clientId: string): Promise<ListedClientSecret[]> {
      const about = {
        actor,
        action: 'service-account.list-secrets',
        realm: realmName,
        target: clientId,
      } as const
      return refusals.ofRead(about, async () => {
        requireAuthority(actor, realmName, 'view')
        const { id } = await realmNamed(db, realmName)
        const secrets = await listClientSecrets(db, id, clientId)
        if (secrets.length === 0 && !(await findServiceAccount(db, id, clientId)))
          throw unknownAccount(realmName, clientId)
        return secrets.filter((secret) => isValid(secret, clock())).map(withoutVerifiers)
      })
    },

    /**
     * Adds a second secret; the first one expires by itself.
     * @param oldEndsAt at most 90 days from now. Default: 24 hours from now
     * @throws Refusal `conflict` if there are two already; `invalid`
     */
    startRotation(
      actor: Actor,
      realmName: string,
      clientId: string,
      oldEndsAt?: Date,
    ): Promise<ServiceAccountWithSecret> {
      const about = { actor, action: 'service-account.rotate-secret', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), async () => {
        requireAuthority(actor, realmName, 'administer')
        const endsAt = parseOverlapEnd(oldEndsAt, clock())
        const clientSecret = generateClientSecret()
        const hashed = await hashSecret(deps, realmName, clientSecret)
        return changeAccount(deps, about, async (context) => {
          const { trx, realm, note } = context
          requireSecretMethod(context)
          const old = await validSecrets(context)
          if (old.length > 1)
            throw new Refusal('conflict', 'A rotation is in progress: finish or cancel it first.')
          for (const { id } of old)
            await updateClientSecretExpiry(trx, realm.id, clientId, { id, expiresAt: endsAt })
          const added = await addSecret(deps, context, hashed)
          note({ secret: added.secret.id, old_ends_at: endsAt })
          const oldSecrets = old.map((one) => ({ ...withoutVerifiers(one), expiresAt: endsAt }))
          return { ...added, clientSecret, oldSecrets }
        })
      })
    },

    /**
     * Ends a rotation: deleting the old secret completes it, deleting the new one cancels it.
     * @throws Refusal `not_found`; `conflict` for the only secret
     */
    delete(actor: Actor, realmName: string, clientId: string, secretId: string): Promise<void> {
      const about = { actor, action: 'service-account.delete-secret', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { trx, realm, now, note } = context
          const secrets = await validSecrets(context)
          const [doomed, other] = [true, false].map((is) =>
            secrets.find(({ id }) => (id === secretId) === is),
          )
          if (!doomed) throw new Refusal('not_found', `There is no secret ${secretId}.`, 'id')
          if (!other) throw new Refusal('conflict', 'The only secret cannot be deleted: reset it instead.')
          await deleteCredentials(trx, realm.id, { table: 'client_secrets', clientId, id: secretId })
          await updateClientSecretExpiry(trx, realm.id, clientId, { id: other.id, expiresAt: undefined })
          note({ secret: secretId })
          await updateServiceAccount(trx, realm.id, clientId, { updatedAt: now })
        }),
      )
    },
  }
}

async function addSecret(
  deps: Deps,
  { trx, realm, account: { clientId }, now }: ChangeContext,
  hashed: HashedSecret,
) {
  const record = secretRecord(deps, { realmId: realm.id, clientId }, hashed)
  await insertClientSecret(trx, realm.id, clientId, { ...record, createdAt: now })
  return {
    secret: newlyListed(record, now),
    account: await updateServiceAccount(trx, realm.id, clientId, { updatedAt: now }),
  }
}

/** Returns valid secrets; deletes expired ones. */
async function validSecrets({ trx, realm, account, now }: ChangeContext): Promise<ClientSecret[]> {
  const secrets = await listClientSecrets(trx, realm.id, account.clientId)
  for (const secret of secrets) {
    if (!isValid(secret, now))
      await deleteCredentials(trx, realm.id, {
        table: 'client_secrets',
        clientId: account.clientId,
        id: secret.id,
      })
  }
  return secrets.filter((secret) => isValid(secret, now))
}

function isValid({ expiresAt, tooOldAt }: ClientSecret, now: Date): boolean {
  return (expiresAt === undefined || expiresAt > now) && (tooOldAt === undefined || tooOldAt > now)
}

function withoutVerifiers({ phc: _phc, hmac: _hmac, ...listed }: ClientSecret): ListedClientSecret {
  return listed
}
