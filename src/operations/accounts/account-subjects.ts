import { Refusal } from '../../domain/refusal.ts'
import { type AccountSubject, findSubjects, insertAccountSubjects } from '../../storage/account-subjects.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import type { ChangeContext } from './account-changes.ts'

/** What accounts have as sub already, of what new ones would have: by subject or by client_id. */
export async function findTakenSubjects(
  trx: DatabaseTransaction,
  realmId: string,
  accounts: readonly { readonly clientId: string; readonly subject?: string | undefined }[],
): Promise<AccountSubject[]> {
  const subs = accounts.flatMap(({ clientId, subject }) =>
    subject === undefined ? [clientId] : [clientId, subject],
  )
  return findSubjects(trx, realmId, subs)
}

/** Two accounts with one sub would be the same to an API. @throws Refusal `conflict` */
export function requireFreeSubject(
  taken: readonly AccountSubject[],
  { clientId, subject }: { readonly clientId: string; readonly subject?: string | undefined },
): void {
  const isTaken = (sub: string) => taken.some((one) => one.subject === sub && one.clientId !== clientId)
  if (isTaken(clientId))
    throw new Refusal('conflict', 'Another account has that client_id as its subject.', 'client_id')
  if (subject !== undefined && isTaken(subject))
    throw new Refusal('conflict', 'Another account has that subject.', 'subject')
}

/** @throws Refusal `conflict` */
export async function requireFreeClientId(
  trx: DatabaseTransaction,
  realmId: string,
  clientId: string,
): Promise<void> {
  requireFreeSubject(await findTakenSubjects(trx, realmId, [{ clientId }]), { clientId })
}

/** Gives an account the subject that it had elsewhere. @throws Refusal `conflict` */
export async function takeSubject(
  { trx, realm, account: { clientId } }: ChangeContext,
  subject: string,
): Promise<void> {
  requireFreeSubject(await findTakenSubjects(trx, realm.id, [{ clientId, subject }]), { clientId, subject })
  await insertAccountSubjects(trx, realm.id, [{ clientId, subject }])
}
