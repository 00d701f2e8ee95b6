import type { AccountLine, AccountOutcome } from '../../domain/account-line.ts'
import type { Actor } from '../../domain/actor.ts'
import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { deleteCredentials } from '../../storage/credentials.ts'
import { listPresentSecrets } from '../../storage/foreign-hashes.ts'
import { insertImportedSecrets } from '../../storage/imported-accounts.ts'
import { updateRealmImportsSecrets } from '../../storage/realms.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import { type ChangeContext, changeAccount } from './account-changes.ts'
import { requireSecretMethod } from './auth-methods.ts'
import {
  type AccountImportDeps,
  type CredentialPlan,
  foreignKindOf,
  type ImportedCredential,
  importedSecret,
  planCredentials,
  type ReadLine,
} from './imported-credentials.ts'
import { addKeys, type KeysPlan, methodsWithKeys, planKeys } from './imported-keys.ts'
import { parseJwksUri } from './jwks-uri.ts'
import { applyUpdate, changesOf, type ServiceAccountUpdate } from './service-account-update.ts'
import { takenRefusal } from './taken-names.ts'

type PresentLine = ReadLine & { readonly account: ServiceAccount }

/** Changes an account by what a line says of it, in a transaction of its own; most often it says nothing new. */
export async function changeImportedAccount(
  deps: AccountImportDeps,
  actor: Actor,
  realm: Realm,
  present: PresentLine,
): Promise<AccountOutcome> {
  const { clientId } = present.line
  try {
    const { update, plan, keys } = await planChange(deps, realm, present)
    const detail = [plan.detail, keysLeft(keys)].filter(Boolean).join(' ')
    const told = { clientId, ...(detail !== '' && { detail }) }
    if (update === undefined && plan.credentials === undefined && keys.added.length === 0)
      return { status: 'unchanged', ...told }
    const about = {
      actor,
      action: 'service-account.update',
      realmName: realm.name,
      clientId,
      roles: update?.roles,
    } as const
    await changeAccount(deps, about, async (context) => {
      if (update) await applyUpdate(context, update, deps.publicUrl)
      await addKeys(context, keys.added)
      if (plan.credentials) await replaceSecrets(deps, context, present, plan.credentials)
    })
    const hash = foreignKindOf(plan.credentials)
    return { status: 'updated', ...told, ...(hash && { hash }) }
  } catch (error) {
    const refusal = takenRefusal(error, present.line.name) ?? error
    if (refusal instanceof Refusal) return { status: 'refused', clientId, refusal }
    throw error
  }
}

async function planChange(
  deps: AccountImportDeps,
  realm: Realm,
  { line, sent, keys, account, secrets }: PresentLine,
): Promise<{ update: ServiceAccountUpdate | undefined; plan: CredentialPlan; keys: KeysPlan }> {
  const { clientId } = line
  const update = updateOf(line, account)
  const isChanged =
    Object.keys(changesOf(account, update, deps.clock())).length > 0 ||
    update.authMethods !== undefined ||
    (update.jwksUri !== undefined && parseJwksUri(update.jwksUri) !== account.jwksUri)
  const owner = { realmId: realm.id, clientId }
  const plan = await planCredentials(deps, owner, { line, sent, secrets })
  return { update: isChanged ? update : undefined, plan, keys: await planKeys(deps.db, account, keys) }
}

/** What a line changes of an account that is there, but for its secret and its keys. */
function updateOf(line: AccountLine, account: ServiceAccount): ServiceAccountUpdate {
  const { clientId: _id, clientSecret: _secret, secretHash: _hash, jwks: _keys, keep = [], ...rest } = line
  const kept: ReadonlySet<string> = new Set(keep)
  const update = Object.fromEntries(Object.entries(rest).filter(([member]) => !kept.has(member)))
  const authMethods = methodsWithKeys(line, account)
  return { ...update, ...(authMethods && { authMethods }) }
}

function keysLeft({ others }: KeysPlan): string | undefined {
  return others.length === 0 ? undefined : `Its other keys stay: ${others.join(' ')}.`
}

async function replaceSecrets(
  deps: AccountImportDeps,
  context: ChangeContext,
  { secrets }: PresentLine,
  credentials: readonly ImportedCredential[],
): Promise<void> {
  const { trx, realm, account, now, note } = context
  const owner = { realmId: realm.id, clientId: account.clientId }
  requireSecretMethod(context)
  const found = await listPresentSecrets(trx, realm.id, [account.clientId], now)
  const idsOf = (some: readonly { readonly id: string }[]) => some.map(({ id }) => id).join()
  if (idsOf(found) !== idsOf(secrets))
    throw new Refusal('changed_meanwhile', 'Its secret was changed meanwhile: send the line again.')
  await deleteCredentials(trx, realm.id, { table: 'client_secrets', clientId: account.clientId })
  const made = credentials.map((one) => importedSecret(deps, owner, one))
  await insertImportedSecrets(
    trx,
    realm.id,
    made.map((secret) => ({ clientId: account.clientId, secret })),
  )
  await updateRealmImportsSecrets(trx, realm.id)
  await updateServiceAccount(trx, realm.id, account.clientId, { updatedAt: now })
  const hash = foreignKindOf(credentials)
  const oldEndsAt = made[1]?.expiresAt
  note({
    secret: 'imported',
    ...(hash && { secret_hash: hash }),
    ...(oldEndsAt && { old_ends_at: oldEndsAt }),
  })
}
