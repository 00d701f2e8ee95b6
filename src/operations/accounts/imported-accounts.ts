import { limitsOf, parseLimits } from '../../domain/account-limits.ts'
import type { AccountLine, AccountOutcome } from '../../domain/account-line.ts'
import type { Actor } from '../../domain/actor.ts'
import { requireAuthority, requireHeldRoles } from '../../domain/authority.ts'
import type { AuthMethod } from '../../domain/client-key.ts'
import { checkAccountClaims } from '../../domain/custom-claim-check.ts'
import type { ForeignHashKind } from '../../domain/foreign-hash.ts'
import { checkQuota } from '../../domain/quota.ts'
import { checkAccountRights, type Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { DEFAULT_ROLE } from '../../domain/role.ts'
import {
  checkImportedClientId,
  checkImportedSubject,
  earlierOf,
  nameKey,
  parseDescription,
  parseDisplayName,
} from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import type { AccountSubject } from '../../storage/account-subjects.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import {
  findServiceAccountsByClientId,
  findServiceAccountsByNameKey,
} from '../../storage/service-accounts.ts'
import { inChange } from '../changes.ts'
import { lockRealmNamed } from '../realms/named-realm.ts'
import { type AcceptedAccount, writeAccepted } from './accepted-accounts.ts'
import { findTakenSubjects, requireFreeSubject } from './account-subjects.ts'
import { methodsOf, requireAllowedMethods } from './auth-methods.ts'
import {
  type AccountImportDeps,
  foreignKindOf,
  type ImportedCredential,
  importedSecret,
} from './imported-credentials.ts'
import { methodsOfLine } from './imported-keys.ts'
import { parseJwksUri } from './jwks-uri.ts'
import type { ReadKey } from './new-client-key.ts'
import { limitReached } from './taken-names.ts'

interface NewAccount {
  readonly line: AccountLine
  /** None: it has no secret yet. */
  readonly credentials: readonly ImportedCredential[]
  readonly keys?: readonly ReadKey[]
  /** `undefined`: it is imported, for it has a secret elsewhere. */
  readonly methods?: NewAccountMethods
}

/** By what a new account authenticates. */
export interface NewAccountMethods {
  readonly authMethods: readonly string[]
  readonly jwksUri?: string | undefined
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly actor: Actor
  readonly realm: Realm
  readonly now: Date
  readonly taken: {
    readonly names: Set<string>
    readonly clientIds: Set<string>
    readonly subjects: AccountSubject[]
    /** Accounts that the realm will have. */
    count: number
  }
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
    const taken = { ...(await findTaken(trx, realm.id, accounts)), count: realm.serviceAccountCount }
    const context = { trx, actor: present, realm, now: deps.clock(), taken }
    const decided = accounts.map((account) => acceptOrRefuse(deps, context, account))
    await writeAccepted(
      context,
      decided.filter((one) => 'outcome' in one),
    )
    return decided.map((one) => ('outcome' in one ? one.outcome : one))
  })
}

async function findTaken(trx: DatabaseTransaction, realmId: string, accounts: readonly NewAccount[]) {
  const keys = accounts.map(({ line }) => nameKey(line.name.normalize('NFC').trim()))
  const lines = accounts.map(({ line }) => line)
  const ids = lines.map(({ clientId }) => clientId)
  const named = await findServiceAccountsByNameKey(trx, realmId, keys)
  const present = await findServiceAccountsByClientId(trx, realmId, ids)
  return {
    names: new Set(named.map(({ name }) => nameKey(name))),
    clientIds: new Set(present.map(({ clientId }) => clientId)),
    subjects: await findTakenSubjects(trx, realmId, lines),
  }
}

function acceptOrRefuse(
  deps: AccountImportDeps,
  context: Context,
  account: NewAccount,
): AcceptedAccount | AccountOutcome {
  try {
    return accept(deps, context, account)
  } catch (error) {
    if (error instanceof Refusal)
      return { status: 'refused', clientId: account.line.clientId, refusal: error }
    throw error
  }
}

function accept(deps: AccountImportDeps, context: Context, account: NewAccount): AcceptedAccount {
  const { line, credentials, keys = [], methods } = account
  const { realm, now, taken } = context
  const { clientId, roles = [DEFAULT_ROLE], scopes, introspectsAudiences } = line
  const name = parseDisplayName(line.name)
  const { authMethods, jwksUri } = readMethods(line, methods)
  check(deps, context, { ...line, roles }, authMethods)
  if (taken.clientIds.has(clientId))
    throw new Refusal('client_id_taken', 'It was made meanwhile: send the line again.', 'client_id')
  if (taken.names.has(nameKey(name)))
    throw new Refusal('name_taken', `There is a service account named “${name}” already.`, 'name')
  requireFreeSubject(taken.subjects, line)
  if (taken.count >= realm.serviceAccountLimit) throw limitReached(realm)
  take(taken, line, name)
  const owner = { realmId: realm.id, clientId }
  const foreignKind = foreignKindOf(credentials)
  return {
    clientId,
    name,
    nameKey: nameKey(name),
    description: parseDescription(line.description ?? ''),
    roles,
    scopes: scopes ?? undefined,
    introspectsAudiences: introspectsAudiences ?? undefined,
    ...ownMembers(line),
    authMethods,
    jwksUri,
    ...limitsOf(parseLimits(line)),
    isImported: methods === undefined,
    createdAt: earlierOf(line.createdAt, now),
    disabledAt: line.enabled === false ? now : undefined,
    secrets: credentials.map((one) => importedSecret(deps, owner, one)),
    foreignKind,
    keys: keys.map((key) => ({ ...key, createdAt: now })),
    outcome: outcomeOf(clientId, foreignKind),
  }
}

function outcomeOf(clientId: string, hash: ForeignHashKind | undefined): AccountOutcome {
  return { status: 'created', clientId, ...(hash && { hash }) }
}

function take(taken: Context['taken'], { clientId, subject = clientId }: AccountLine, name: string): void {
  taken.count++
  taken.names.add(nameKey(name))
  taken.clientIds.add(clientId)
  taken.subjects.push({ clientId, subject: clientId }, { clientId, subject })
}

function ownMembers({ claims, metadata, subject, quota }: AccountLine) {
  return { claims, metadata, subject, quota }
}

/** @throws Refusal `invalid` */
function readMethods(line: AccountLine, methods?: NewAccountMethods) {
  const { authMethods, jwksUri } = methods ?? { authMethods: methodsOfLine(line), jwksUri: line.jwksUri }
  return { authMethods: methodsOf({ authMethods, jwksUri }), jwksUri: parseJwksUri(jwksUri) }
}

function check(
  { publicUrl }: AccountImportDeps,
  { actor, realm }: Context,
  line: AccountLine,
  authMethods: readonly AuthMethod[],
): void {
  const { clientId, roles = [], scopes } = line
  checkImportedClientId(clientId)
  checkQuota(line.quota)
  if (line.subject !== undefined) checkImportedSubject(line.subject)
  requireHeldRoles(actor, roles)
  checkAccountRights(realm, line, publicUrl)
  checkAccountClaims(line)
  requireAllowedMethods(realm, authMethods)
  requireRoomForRights(publicUrl, realm, { ...line, roles, scopes: scopes ?? undefined })
}
