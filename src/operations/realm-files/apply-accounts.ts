import { Refusal } from '../../domain/refusal.ts'
import { inSavepoint } from '../../storage/database.ts'
import { findServiceAccountsByClientId } from '../../storage/service-accounts.ts'
import { writeAccount } from './apply-account.ts'
import { applyContents } from './apply-contents.ts'
import { attempt, type FileWork, mayDelete } from './file-work.ts'
import { type PresentAccount, presentAccounts, presentIssuers, withContents } from './present-realm.ts'
import type { RealmFileAccount } from './realm-file-schema.ts'

/** Accounts that are read at once. */
const CHUNK = 200

interface Wanted {
  /** Its place in the file. */
  readonly index: number
  readonly entry: RealmFileAccount
}

/** Makes the accounts of the file, and changes those that are there. */
export async function applyAccounts(work: FileWork): Promise<void> {
  const wanted = (work.file.value.service_accounts ?? []).map((entry, index) => ({ index, entry }))
  if (wanted.length === 0) return
  const left = await writeAll(work, wanted)
  const issuers = new Map((await presentIssuers(work)).map(({ id, issuer }) => [id, issuer]))
  for (let start = 0; start < wanted.length; start += CHUNK) {
    const chunk = wanted.slice(start, start + CHUNK).filter((one) => !left.has(one))
    const present = await presentOf(work, chunk)
    for (const { index, entry } of chunk) {
      const account = present.get(entry.client_id)
      if (account) await applyContents({ work, issuers, account, entry, path: ['service_accounts', index] })
    }
  }
}

/** Names may move from one account to another: what is taken now may be free when the others have theirs. */
async function writeAll(work: FileWork, wanted: readonly Wanted[]): Promise<ReadonlySet<Wanted>> {
  const refused = new Set<Wanted>()
  let pending = wanted
  for (let before = wanted.length + 1; pending.length > 0 && pending.length < before; ) {
    before = pending.length
    const taken: Wanted[] = []
    for (let start = 0; start < pending.length; start += CHUNK) {
      const chunk = pending.slice(start, start + CHUNK)
      const present = await presentOf(work, chunk)
      for (const one of chunk) {
        const outcome = await write(work, one, present.get(one.entry.client_id))
        if (outcome === 'taken') taken.push(one)
        else if (outcome === 'refused') refused.add(one)
      }
    }
    pending = taken
  }
  // Told now: no other change will free the name.
  const present = await presentOf(work, pending)
  for (const one of pending)
    if (
      !(await attempt(work, pathOf(one), () =>
        writeAccount(work, one.entry, present.get(one.entry.client_id)),
      ))
    )
      refused.add(one)
  return refused
}

function pathOf({ index }: Wanted) {
  return ['service_accounts', index] as const
}

async function presentOf(work: FileWork, chunk: readonly Wanted[]): Promise<Map<string, PresentAccount>> {
  // Others cannot be, and PostgreSQL refuses some of them.
  const clientIds = chunk.map(({ entry }) => entry.client_id).filter((one) => /^[!-~]{1,64}$/.test(one))
  const accounts =
    clientIds.length === 0 ? [] : await findServiceAccountsByClientId(work.db, work.realm.id, clientIds)
  return new Map((await withContents(work, accounts)).map((one) => [one.account.clientId, one]))
}

async function write(
  work: FileWork,
  wanted: Wanted,
  present: PresentAccount | undefined,
): Promise<'done' | 'taken' | 'refused'> {
  const planned = work.changes.length
  try {
    await inSavepoint(work.db, () => writeAccount(work, wanted.entry, present))
    return 'done'
  } catch (error) {
    work.changes.splice(planned)
    if (!(error instanceof Refusal)) throw error
    if (error.code === 'name_taken') return 'taken'
    work.faults.refused(work.file, pathOf(wanted), error)
    return 'refused'
  }
}

/** Deletes the accounts that the file does not name. */
export async function pruneAccounts(work: FileWork): Promise<void> {
  const { operations, actor, realm, file, changes } = work
  const { service_accounts: wanted } = file.value
  if (!wanted) return
  const named = new Set(wanted.map(({ client_id }) => client_id))
  const gone: string[] = []
  for await (const { clientId } of presentAccounts(work)) if (!named.has(clientId)) gone.push(clientId)
  if (!mayDelete(work, 'service_accounts', gone.length)) return
  for (const clientId of gone)
    await attempt(work, ['service_accounts'], async () => {
      await operations.accounts.delete(actor, realm.name, clientId)
      changes.push({ action: 'delete', kind: 'service_account', target: clientId })
    })
}
