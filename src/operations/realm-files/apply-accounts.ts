import type { AccountOutcome } from '../../domain/account-line.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import { inSavepoint } from '../../storage/database.ts'
import { findServiceAccountsByClientId } from '../../storage/service-accounts.ts'
import { changeAccount, newAccount, noteNew } from './apply-account.ts'
import { applyContents } from './apply-contents.ts'
import { attempt, type FileWork, mayDelete } from './file-work.ts'
import { type PresentAccount, presentAccounts, presentIssuers, withContents } from './present-realm.ts'
import type { RealmFileAccount } from './realm-file-schema.ts'

/** Each makes another version of the realm's row, and PostgreSQL reads all of them again and again. */
const MAX_DELETED_ACCOUNTS = 1000

/** Accounts that are read, and made, at once. */
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
  for (let isLast = false; pending.length > 0; ) {
    const taken: Wanted[] = []
    for (let start = 0; start < pending.length; start += CHUNK)
      for (const [one, refusal] of await writeChunk(work, pending.slice(start, start + CHUNK))) {
        if (refusal.code === 'name_taken' && !isLast) taken.push(one)
        else {
          refused.add(one)
          work.faults.refused(work.file, pathOf(one), refusal)
        }
      }
    // Without progress, no name will be free: the next time is to tell of it.
    isLast = taken.length === pending.length
    pending = taken
  }
  return refused
}

/** What was refused, and why. */
async function writeChunk(work: FileWork, chunk: readonly Wanted[]): Promise<ReadonlyMap<Wanted, Refusal>> {
  const present = await presentOf(work, chunk)
  const refused = new Map<Wanted, Refusal>()
  const added: Wanted[] = []
  for (const one of chunk) {
    const account = present.get(one.entry.client_id)
    if (!account) added.push(one)
    else await change(work, one, account).catch(collect(refused, one))
  }
  if (added.length > 0) await create(work, added, refused)
  return refused
}

function collect(refused: Map<Wanted, Refusal>, one: Wanted): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Refusal)) throw error
    refused.set(one, error)
  }
}

async function change(work: FileWork, { entry }: Wanted, present: PresentAccount): Promise<void> {
  const planned = work.changes.length
  try {
    await inSavepoint(work.db, () => changeAccount(work, entry, present))
  } catch (error) {
    work.changes.splice(planned)
    throw error
  }
}

/** Together: one by one, each would make another version of the realm's row, all of which PostgreSQL keeps until the end. */
async function create(
  work: FileWork,
  added: readonly Wanted[],
  refused: Map<Wanted, Refusal>,
): Promise<void> {
  const { operations, db, actor, realm } = work
  const accounts = added.map(({ entry }) => newAccount(entry))
  const outcomes = await operations.accounts.createAll(actor, realm.name, accounts)
  const made = added.filter((one, n) => {
    const outcome = outcomes[n] as AccountOutcome
    if (outcome.status === 'refused') refused.set(one, outcome.refusal)
    return outcome.status !== 'refused'
  })
  if (made.length === 0) return
  const clientIds = made.map(({ entry }) => entry.client_id)
  const found = await findServiceAccountsByClientId(db, realm.id, clientIds)
  const byId = new Map(found.map((account) => [account.clientId, account]))
  const present = await operations.realms.find(actor, realm.name)
  for (const clientId of clientIds) noteNew(work, present, byId.get(clientId) as ServiceAccount)
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

/** Deletes the accounts that the file does not name. */
export async function pruneAccounts(work: FileWork): Promise<void> {
  const { operations, actor, realm, file, changes } = work
  const { service_accounts: wanted } = file.value
  if (!wanted) return
  const named = new Set(wanted.map(({ client_id }) => client_id))
  const gone: string[] = []
  for await (const { clientId } of presentAccounts(work)) if (!named.has(clientId)) gone.push(clientId)
  if (!mayDelete(work, 'service_accounts', gone.length, MAX_DELETED_ACCOUNTS)) return
  for (const clientId of gone)
    await attempt(work, ['service_accounts'], async () => {
      await operations.accounts.delete(actor, realm.name, clientId)
      changes.push({ action: 'delete', kind: 'service_account', target: clientId })
    })
}
