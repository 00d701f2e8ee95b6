import { done } from '../../domain/audit-event.ts'
import { requireAuthority } from '../../domain/authority.ts'
import { ACCOUNT_ADMIN } from '../../domain/role.ts'
import { insertAuditEvent } from '../../storage/audit-events.ts'
import { isRoleHeld } from '../../storage/held-roles.ts'
import { lockRealmByName } from '../../storage/realms.ts'
import { applyAccounts, pruneAccounts } from './apply-accounts.ts'
import { applyIssuers, pruneIssuers } from './apply-issuers.ts'
import { applyResources, pruneResources } from './apply-resources.ts'
import { applySettings, createRealmOf, finishSettings, isPlatform } from './apply-settings.ts'
import { applyWebhooks, pruneWebhooks } from './apply-webhooks.ts'
import { collecting, type FileFaults } from './file-faults.ts'
import type { ReadRealm } from './file-reader.ts'
import type { FileWork } from './file-work.ts'
import { type RealmReader, settingsToFile } from './present-realm.ts'
import { SETTING_NAMES } from './realm-file-schema.ts'
import { pick, type RealmPlan } from './realm-plan.ts'

export interface RealmApplication extends Omit<RealmReader, 'realm' | 'db'> {
  readonly db: FileWork['db']
  readonly publicUrl: string
  readonly file: ReadRealm
  readonly prune: boolean
  readonly faults: FileFaults
}

/** Applies the file of one realm. Collects refusals; the caller then rolls everything back. */
export async function applyRealm(asked: RealmApplication): Promise<RealmPlan> {
  const { db, actor, file, faults } = asked
  const { realm: name } = file.value
  requireAuthority(actor, name, 'administer')
  const realm = await lockRealmByName(db, name)
  const plan: RealmPlan & Pick<FileWork, 'changes' | 'notes'> = { realm: name, changes: [], notes: [] }
  await collecting(faults, file, [], async () => {
    if (realm) return applyTo({ ...asked, ...plan, realm }, true)
    const made = await createRealmOf(asked.operations, actor, file.value)
    plan.notes.push(...made.warnings)
    await applyTo({ ...asked, ...plan, realm: made }, false)
  })
  return plan
}

async function applyTo(work: FileWork, isThere: boolean): Promise<void> {
  const { realm, file, prune, changes } = work
  const settings = isThere ? settingsToFile(realm) : undefined
  if (!isThere)
    changes.push({
      action: 'create',
      kind: 'realm',
      target: realm.name,
      after: pick(file.value, SETTING_NAMES),
    })
  const wasAdministered = await isAdministered(work)
  // Roles, scopes and types that the rest needs.
  if (isThere && !(await applySettings(work))) return
  if (prune) {
    await pruneAccounts(work)
    await pruneResources(work)
    await pruneWebhooks(work)
  }
  await applyWebhooks(work)
  await applyIssuers(work)
  await applyResources(work)
  await applyAccounts(work)
  if (prune) await pruneIssuers(work)
  await finishSettings(work, settings)
  if (prune && wasAdministered && !(await isAdministered(work))) refuseLockout(work)
  await record(work)
}

/** In realm system, the operations themselves keep the last administrator. */
async function isAdministered(work: FileWork): Promise<boolean> {
  if (isPlatform(work.realm)) return false
  return isRoleHeld(work.db, { realmId: work.realm.id, role: ACCOUNT_ADMIN, now: work.now })
}

function refuseLockout({ file, faults }: FileWork): void {
  faults.add(file, ['service_accounts'], {
    code: 'last_administrator',
    detail:
      'No account would be left that administers the realm: name a service account with the role account-admin, or delete the last one by itself.',
  })
}

/** One event that tells of all, beside those of each change. */
async function record({ db, actor, realm, prune, now, changes }: FileWork): Promise<void> {
  if (changes.length === 0) return
  const countOf = (action: string) => changes.filter((one) => one.action === action).length
  const details = {
    created: countOf('create'),
    updated: countOf('update'),
    deleted: countOf('delete'),
    prune,
  }
  await insertAuditEvent(db, realm, done(actor, 'realm.apply', realm.name, details), now)
}
