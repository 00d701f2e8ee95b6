import { isDeepStrictEqual } from 'node:util'
import { parseRules } from '../../domain/claim-rule.ts'
import type { GrantKey } from '../../domain/grant.ts'
import type { FilePath } from '../../domain/realm-file-fault.ts'
import { applyKeys } from './apply-keys.ts'
import { attempt, type FileWork } from './file-work.ts'
import type { PresentAccount } from './present-realm.ts'
import type { RealmFileAccount } from './realm-file-schema.ts'

type Identity = NonNullable<RealmFileAccount['workload_identities']>[number]

/** What belongs to one account, and what the file says of it. */
export interface ContentsWork {
  readonly work: FileWork
  /** Issuers by their ids. */
  readonly issuers: ReadonlyMap<string, string>
  readonly account: PresentAccount
  readonly entry: RealmFileAccount
  readonly path: FilePath
}

export async function applyContents(own: ContentsWork): Promise<void> {
  await applyKeys(own)
  await applyIdentities(own)
  await applyGrants(own)
}

async function applyIdentities({ work, issuers, account, entry, path }: ContentsWork): Promise<void> {
  const { operations, actor, realm, prune, changes } = work
  const { clientId } = account.account
  const ids = new Map([...issuers].map(([id, issuer]) => [issuer, id]))
  const left = [...account.identities]
  for (const [index, identity] of (entry.workload_identities ?? []).entries())
    await attempt(work, [...path, 'workload_identities', index], async () => {
      const rules = parseRules(identity.rules)
      const issuerId = ids.get(identity.trusted_issuer)
      const same = left.findIndex(
        (one) =>
          one.issuerId === issuerId &&
          one.name === (identity.name ?? one.name) &&
          isDeepStrictEqual(one.rules, rules),
      )
      if (same >= 0) return void left.splice(same, 1)
      await addIdentity(work, clientId, identity, issuerId)
    })
  if (!prune || !entry.workload_identities) return
  for (const { id, issuerId, name } of left.filter((one) => issuers.has(one.issuerId)))
    await attempt(work, [...path, 'workload_identities'], async () => {
      await operations.workloadIdentities.delete(actor, realm.name, clientId, id)
      const target = [issuers.get(issuerId), name].filter(Boolean).join(' ')
      changes.push({ action: 'delete', kind: 'workload_identity', target, account: clientId })
    })
}

async function addIdentity(
  { operations, actor, realm, changes }: FileWork,
  clientId: string,
  { trusted_issuer: issuer, name, rules }: Identity,
  issuerId: string | undefined,
): Promise<void> {
  // The operation refuses an unknown id, and says what it must be.
  const asked = { trustedIssuer: issuerId ?? '', rules, ...(name !== undefined && { name }) }
  await operations.workloadIdentities.create(actor, realm.name, clientId, asked)
  const target = [issuer, name].filter(Boolean).join(' ')
  changes.push({ action: 'create', kind: 'workload_identity', target, account: clientId, after: { rules } })
}

async function applyGrants({ work, account, entry, path }: ContentsWork): Promise<void> {
  const { operations, actor, realm, prune, changes } = work
  const { grants: wanted } = entry
  if (!wanted) return
  const { clientId } = account.account
  const named = new Set(wanted.map(nameOf))
  const present = new Set(account.grants.map(nameOf))
  const added = wanted.filter((grant) => !present.has(nameOf(grant)))
  const others = account.grants.filter((grant) => !named.has(nameOf(grant)))
  if (added.length === 0 && (others.length === 0 || !prune)) return
  await attempt(work, [...path, 'grants'], async () => {
    const all: readonly GrantKey[] = prune ? wanted : [...wanted, ...others]
    await operations.grants.replace(actor, realm.name, clientId, all)
    const about = { kind: 'grant', account: clientId } as const
    for (const grant of added) changes.push({ action: 'create', ...about, target: nameOf(grant) })
    if (prune) for (const grant of others) changes.push({ action: 'delete', ...about, target: nameOf(grant) })
  })
}

function nameOf({ role, type, id }: GrantKey): string {
  return `${role} on ${type}/${id}`
}
