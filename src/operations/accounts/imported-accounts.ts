import type { AccountLine, AccountOutcome } from '../../domain/account-line.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import { checkAccountRights, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { DEFAULT_ROLE } from '../../domain/role.ts'
import { nameKey, parseDescription, parseDisplayName } from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { updateRealmTakingPlace } from '../../storage/realms.ts'
import {
  findServiceAccountsByClientId,
  findServiceAccountsByNameKey,
  insertServiceAccount,
  updateServiceAccount,
} from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import { lockRealmNamed } from '../realms/named-realm.ts'
import { requireAllowedMethods } from './auth-methods.ts'
import { type AccountImportDeps, type ImportedCredential, insertCredential } from './imported-credentials.ts'
import { takeStatusIndex } from './status-indexes.ts'
import { limitReached } from './taken-names.ts'

interface NewAccount {
  readonly line: AccountLine
  /** `undefined`: it has no secret yet. */
  readonly credential: ImportedCredential | undefined
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly actor: Actor
  readonly realm: Realm
  readonly now: Date
  /** Taken names and client_ids. */
  readonly taken: { readonly names: Set<string>; readonly clientIds: Set<string> }
}

/**
 * Makes accounts in one transaction, and refuses those that cannot be.
 * @throws Refusal `forbidden`, `not_found`
 */
export async function createImportedAccounts(
  deps: AccountImportDeps,
  actor: Actor,
  realmName: string,
  accounts: readonly NewAccount[],
): Promise<AccountOutcome[]> {
  const permit = (by: Actor) => requireAuthority(by, realmName, 'administer')
  return inChange(deps, { actor, permit, realmName }, async ({ trx, actor: present, checkVersion }) => {
    // Locked, so that names, client_ids, roles and scopes stay what is checked here.
    const realm = await lockRealmNamed(trx, realmName)
    checkVersion(null, 'the list')
    const taken = await findTaken(trx, realm.id, accounts)
    const context = {
      trx,
      actor: { ...actor, authority: present.authority },
      realm,
      now: deps.clock(),
      taken,
    }
    const outcomes: AccountOutcome[] = []
    for (const account of accounts) outcomes.push(await createOrRefuse(deps, context, account))
    return outcomes
  })
}

async function findTaken(trx: DatabaseTransaction, realmId: string, accounts: readonly NewAccount[]) {
  const keys = accounts.map(({ line }) => nameKey(line.name.normalize('NFC').trim()))
  const ids = accounts.map(({ line }) => line.clientId)
  const named = await findServiceAccountsByNameKey(trx, realmId, keys)
  const present = await findServiceAccountsByClientId(trx, realmId, ids)
  return {
    names: new Set(named.map(({ name }) => nameKey(name))),
    clientIds: new Set(present.map(({ clientId }) => clientId)),
  }
}

async function createOrRefuse(
  deps: AccountImportDeps,
  context: Context,
  account: NewAccount,
): Promise<AccountOutcome> {
  const { clientId } = account.line
  try {
    const { credential } = account
    await create(deps, context, account)
    const hash = credential && 'foreign' in credential ? credential.foreign.kind : undefined
    return { status: 'created', clientId, ...(hash && { hash }) }
  } catch (error) {
    if (error instanceof Refusal) return { status: 'refused', clientId, refusal: error }
    throw error
  }
}

/** Throws a Refusal only before it has written anything. */
async function create(
  deps: AccountImportDeps,
  context: Context,
  { line, credential }: NewAccount,
): Promise<void> {
  const { trx, actor, realm, now, taken } = context
  const { clientId, roles = [DEFAULT_ROLE], scopes, introspectsAudiences } = line
  const name = parseDisplayName(line.name)
  const description = parseDescription(line.description ?? '')
  check(deps, context, { ...line, roles })
  if (taken.clientIds.has(clientId))
    throw new Refusal('client_id_taken', 'It was made meanwhile: send the line again.', 'client_id')
  if (taken.names.has(nameKey(name)))
    throw new Refusal('name_taken', `There is a service account named “${name}” already.`, 'name')
  if ((await updateRealmTakingPlace(trx, realm.id)) === undefined) throw limitReached(realm)
  taken.names.add(nameKey(name))
  taken.clientIds.add(clientId)
  const rights = {
    roles,
    scopes: scopes ?? undefined,
    introspectsAudiences: introspectsAudiences ?? undefined,
    authMethods: ['client_secret'] as const,
    statusIndex: await takeStatusIndex(trx, realm),
  }
  const values = { clientId, name, nameKey: nameKey(name), description, ...rights }
  await insertServiceAccount(trx, realm.id, values, now)
  if (line.enabled === false)
    await updateServiceAccount(trx, realm.id, clientId, { disabledAt: now, updatedAt: now })
  if (credential) await insertCredential(deps, { trx, now }, { realmId: realm.id, clientId }, credential)
  const details = {
    name,
    roles,
    auth_methods: rights.authMethods,
    imported: true,
    ...detailsOf(line, credential),
  }
  await insertAuditEvent(trx, realm, done(actor, 'service-account.create', clientId, details), now)
}

function detailsOf({ enabled }: AccountLine, credential: NewAccount['credential']) {
  const hash = credential && 'foreign' in credential ? credential.foreign.kind : undefined
  return {
    enabled: enabled !== false,
    ...(hash && { secret_hash: hash }),
    ...(!credential && { secret: false }),
  }
}

function check({ publicUrl }: AccountImportDeps, { actor, realm }: Context, line: AccountLine): void {
  const { clientId, roles = [], scopes } = line
  requireHeldRoles(actor, roles)
  checkAccountRights(realm, line, publicUrl)
  requireAllowedMethods(realm, ['client_secret'])
  requireRoomForRights(publicUrl, realm, { clientId, roles, scopes: scopes ?? undefined })
}
