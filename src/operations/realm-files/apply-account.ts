import type { AccountLine } from '../../domain/account-line.ts'
import { accountWarnings } from '../../domain/impossible-claims.ts'
import type { Realm } from '../../domain/realm.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { quotaFromWire, wholeQuota } from '../../wire/quota.ts'
import type { NewAccountMethods } from '../accounts/imported-accounts.ts'
import type { ServiceAccountUpdate } from '../accounts/service-account-update.ts'
import { pruneKeys } from './apply-keys.ts'
import type { FileWork } from './file-work.ts'
import { accountToFile, type PresentAccount } from './present-realm.ts'
import type { RealmFileAccount } from './realm-file-schema.ts'
import { differing, pick, updateOf } from './realm-plan.ts'

/** Changes what an account has in its own row. @throws Refusal */
export async function changeAccount(
  work: FileWork,
  entry: RealmFileAccount,
  present: PresentAccount,
): Promise<void> {
  const { operations, actor, realm, changes, notes } = work
  const { account } = present
  // An account has its keys in one place: those that go make room for an address.
  if (work.prune) await pruneKeys({ work, account: present, entry })
  const before = accountToFile(account)
  const names = differing(pickOwn(entry), before)
  if (names.length === 0) return
  const update = updateFrom(pick(entry, names))
  const after = await operations.accounts.update(actor, realm.name, account.clientId, update)
  if ('claims' in update || 'metadata' in update)
    notes.push(...after.warnings.map((warning) => `${account.clientId}: ${warning}`))
  const about = { kind: 'service_account', target: account.clientId } as const
  const change = updateOf(about, before, accountToFile(after))
  if (change) changes.push(change)
}

/** A new account, as it is made together with others. */
export function newAccount(entry: RealmFileAccount): AccountLine & NewAccountMethods {
  const { client_id: clientId, name = clientId } = entry
  const { authMethods = methodsFor(entry), jwksUri, ...line } = updateFrom(entry)
  return { ...(line as Partial<AccountLine>), clientId, name, authMethods, jwksUri: jwksUri ?? undefined }
}

/** @param realm as it is with the settings of the file */
export function noteNew(
  { publicUrl, changes, notes }: FileWork,
  realm: Realm,
  account: ServiceAccount,
): void {
  const { clientId } = account
  const { client_id: _id, ...after } = accountToFile(account)
  changes.push({ action: 'create', kind: 'service_account', target: clientId, after })
  notes.push(...accountWarnings(account, realm, publicUrl).map((warning) => `${clientId}: ${warning}`))
  if (account.authMethods.includes('client_secret'))
    notes.push(
      `${clientId} has no secret yet: mintmark service-account reset-secret --realm ${realm.name} ${clientId}`,
    )
}

/** By what it is made with, where the file does not say how it authenticates. */
function methodsFor({
  keys = [],
  jwks_uri: jwksUri,
  workload_identities: identities = [],
}: RealmFileAccount): string[] {
  if (keys.length > 0 || typeof jwksUri === 'string') return ['private_key_jwt']
  return identities.length > 0 ? ['federated'] : ['client_secret']
}

/** Members of the account's own row. */
function pickOwn({ keys, workload_identities, grants, subject, quota, ...own }: RealmFileAccount) {
  return { ...own, ...(subject && { subject }), ...(quota !== undefined && { quota: wholeQuota(quota) }) }
}

function updateFrom(entry: Partial<RealmFileAccount>): ServiceAccountUpdate {
  const {
    name,
    description,
    enabled,
    roles,
    scopes,
    introspects_audiences,
    auth_methods,
    jwks_uri,
    claims,
    metadata,
    quota,
    subject,
    allowed_networks,
    expires_at,
    max_secret_age_seconds,
  } = entry
  const update = {
    name,
    description,
    enabled,
    roles,
    scopes,
    introspectsAudiences: introspects_audiences,
    authMethods: auth_methods,
    jwksUri: jwks_uri,
    claims,
    metadata,
    quota: quotaFromWire(quota),
    // It can be given, and not be taken away.
    subject: subject ?? undefined,
    allowedNetworks: allowed_networks,
    expiresAt: typeof expires_at === 'string' ? new Date(expires_at) : expires_at,
    maxSecretAgeSeconds: max_secret_age_seconds,
  }
  const named = Object.entries(update).filter(([, value]) => value !== undefined)
  return Object.fromEntries(named) as ServiceAccountUpdate
}
