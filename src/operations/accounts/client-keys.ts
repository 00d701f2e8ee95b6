import type { Actor } from '../../domain/actor.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { type ClientKey, isKeyValid, MAX_KEYS, parseKeyName } from '../../domain/client-key.ts'
import { MAX_CLOCK_GAP_SECONDS } from '../../domain/clock.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { listClientKeys, updateClientKey } from '../../storage/client-keys.ts'
import { deleteCredentials } from '../../storage/credentials.ts'
import { findServiceAccount, updateServiceAccount } from '../../storage/service-accounts.ts'
import { keyEnd, tellWebhooks } from '../../storage/webhook-events.ts'
import type { Dependencies } from '../dependencies.ts'
import { realmNamed } from '../realms/named-realm.ts'
import {
  attemptOf,
  type ChangeContext,
  changeAccount,
  requirePlatformAdministrator,
  unknownAccount,
} from './account-changes.ts'
import { requireUploadedKeys } from './jwks-uri.ts'
import { insertNewKey, type NewClientKey, noteOf, type ReadKey, readNewKey } from './new-client-key.ts'
import { replaceStatusIndex } from './status-indexes.ts'

export interface ClientKeyUpdate {
  readonly kid: string
  readonly name?: string | undefined
  /** `null`: good until it is deleted. */
  readonly expiresAt?: Date | null | undefined
  /** Tokens of the account stay good, though a key of it ends. */
  readonly keepTokens?: boolean | undefined
  /** The version of the account that the change is based on; `undefined`: whatever it is now. */
  readonly expectedVersion?: number | undefined
}

export interface ChangedClientKey {
  readonly account: ServiceAccount
  readonly key: ClientKey
}

type Deps = Pick<Dependencies, 'db' | 'clock' | 'refusals'>

export type ClientKeys = ReturnType<typeof clientKeys>

/** Public keys of service accounts. They count while the account's auth_methods have private_key_jwt. */
export function clientKeys(deps: Deps) {
  const { db, clock, refusals } = deps

  function list(actor: Actor, realmName: string, clientId: string): Promise<ClientKey[]> {
    const attempt = {
      actor,
      action: 'service-account.list-keys',
      realm: realmName,
      target: clientId,
    } as const
    return refusals.ofRead(attempt, async () => {
      requireAuthority(actor, realmName, 'view')
      const { id } = await realmNamed(db, realmName)
      const keys = await listClientKeys(db, id, clientId)
      if (keys.length === 0 && !(await findServiceAccount(db, id, clientId)))
        throw unknownAccount(realmName, clientId)
      return keys
    })
  }

  return {
    /** All, the newest first; those that have expired too. */
    list,

    /** @throws Refusal `forbidden`, `not_found` */
    async find(actor: Actor, realmName: string, clientId: string, kid: string): Promise<ClientKey> {
      return keyNamed(await list(actor, realmName, clientId), kid)
    },

    /** @throws Refusal `invalid`; `conflict` for a key or a kid that the account has; `limit_reached` */
    add(actor: Actor, realmName: string, clientId: string, asked: NewClientKey): Promise<ChangedClientKey> {
      const about = { actor, action: 'service-account.add-key', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), async () => {
        requireAuthority(actor, realmName, 'administer')
        const read = await readNewKey(asked, clock())
        return changeAccount(deps, about, async (context) => {
          const { trx, realm, now, note } = context
          requireUploadedKeys(context.account)
          const others = await listClientKeys(trx, realm.id, clientId)
          requireRoomForKey(others, read)
          const key = await insertNewKey(context, read)
          note(noteOf(key))
          return { account: await updateServiceAccount(trx, realm.id, clientId, { updatedAt: now }), key }
        })
      })
    },

    /** A time that has come ends the key at once. @throws Refusal `invalid`, `not_found`, `last_administrator` */
    update(
      actor: Actor,
      realmName: string,
      clientId: string,
      update: ClientKeyUpdate,
    ): Promise<ChangedClientKey> {
      const { expectedVersion } = update
      const action = 'service-account.update-key'
      const about = { actor, action, realmName, clientId, expectedVersion } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, (context) => change(context, update)),
      )
    },

    /** @throws Refusal `not_found`, `last_administrator` */
    delete(
      actor: Actor,
      realmName: string,
      clientId: string,
      { kid, keepTokens }: Pick<ClientKeyUpdate, 'kid' | 'keepTokens'>,
    ): Promise<void> {
      const about = { actor, action: 'service-account.delete-key', realmName, clientId } as const
      return refusals.ofChange(attemptOf(about), () =>
        changeAccount(deps, about, async (context) => {
          const { trx, realm, note } = context
          const key = keyNamed(await listClientKeys(trx, realm.id, clientId), kid)
          await deleteCredentials(trx, realm.id, { table: 'client_keys', clientId, id: kid })
          note({ ...noteOf(key), keep_tokens: keepTokens === true })
          await tellEnd(context, key, context.now)
          await finishEnd(context, keepTokens)
        }),
      )
    },
  }
}

/** Refuses a key that an account with these keys cannot have. */
export function requireRoomForKey(
  others: readonly Pick<ClientKey, 'kid' | 'thumbprint'>[],
  { kid, thumbprint }: ReadKey,
): void {
  const same = others.find((one) => one.thumbprint === thumbprint)
  if (same) throw new Refusal('conflict', `The service account has this key already: its kid is ${same.kid}.`)
  if (others.some((one) => one.kid === kid))
    throw new Refusal('conflict', `The service account has another key whose kid is ${kid}.`, 'jwk.kid')
  if (others.length >= MAX_KEYS)
    throw new Refusal(
      'limit_reached',
      `The service account has ${MAX_KEYS} keys, which is the limit: delete one that is no longer used.`,
      undefined,
      MAX_KEYS,
    )
}

async function change(context: ChangeContext, update: ClientKeyUpdate): Promise<ChangedClientKey> {
  const { trx, realm, account, now, note, noteNothing } = context
  const { clientId } = account
  const key = keyNamed(await listClientKeys(trx, realm.id, clientId), update.kid)
  const name = update.name === undefined ? key.name : parseKeyName(update.name)
  const expiresAt = update.expiresAt === undefined ? key.expiresAt : endOf(update.expiresAt ?? undefined, now)
  const ends = expiresAt?.getTime() !== key.expiresAt?.getTime()
  if (name === key.name && !ends) {
    noteNothing()
    return { account, key }
  }
  const changed = { ...key, name, expiresAt }
  await updateClientKey(trx, realm.id, clientId, changed)
  note({ kid: key.kid, before: shown(key), after: shown(changed) })
  if (!ends || isKeyValid(changed, now))
    return { account: await updateServiceAccount(trx, realm.id, clientId, { updatedAt: now }), key: changed }
  note({ keep_tokens: update.keepTokens === true })
  if (isKeyValid(key, now)) await tellEnd(context, key, changed.expiresAt as Date)
  return { account: await finishEnd(context, update.keepTokens), key: changed }
}

/** An end in the past has passed by the clock of every node. */
function endOf(expiresAt: Date | undefined, now: Date): Date | undefined {
  if (expiresAt === undefined || expiresAt > now) return expiresAt
  return new Date(Math.min(expiresAt.getTime(), now.getTime() - MAX_CLOCK_GAP_SECONDS * 1000))
}

function shown({ name, expiresAt }: ClientKey) {
  return { name, expires_at: expiresAt ?? null }
}

async function tellEnd(
  { trx, realm, account, now }: ChangeContext,
  { kid, thumbprint }: ClientKey,
  endedAt: Date,
): Promise<void> {
  const data = { client_id: account.clientId, name: account.name, kid, ended_at: endedAt }
  const occurrence = keyEnd(thumbprint, endedAt)
  await tellWebhooks(trx, { realm, now }, [{ type: 'client_key.revoked', occurrence, data }])
}

/** After a key has ended: so have the tokens that it may have got, unless they are to stay. */
async function finishEnd(context: ChangeContext, keepTokens = false): Promise<ServiceAccount> {
  const { trx, realm, account, now } = context
  await requirePlatformAdministrator(context)
  const changes = keepTokens ? {} : { statusIndex: await replaceStatusIndex(context) }
  return updateServiceAccount(trx, realm.id, account.clientId, { ...changes, updatedAt: now })
}

function keyNamed(keys: readonly ClientKey[], kid: string): ClientKey {
  const key = keys.find((one) => one.kid === kid)
  if (!key) throw new Refusal('not_found', `The service account has no key ${kid}.`, 'kid')
  return key
}
