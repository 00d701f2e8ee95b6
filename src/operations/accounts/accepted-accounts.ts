import type { AccountOutcome } from '../../domain/account-line.ts'
import type { Actor } from '../../domain/actor.ts'
import { done } from '../../domain/audit-event.ts'
import type { ForeignHashKind } from '../../domain/foreign-hash.ts'
import type { Realm } from '../../domain/realm.ts'
import { insertAuditEvents } from '../../storage/audit-events.ts'
import type { DatabaseTransaction } from '../../storage/database.ts'
import { insertImportedAccounts, type NewImportedAccount } from '../../storage/imported-accounts.ts'
import { updateRealmImportsSecrets } from '../../storage/realms.ts'
import { noteOf } from './new-client-key.ts'
import { takeStatusIndexes } from './status-indexes.ts'

/** An account that may be made, but for its index in the status list. */
export type AcceptedAccount = Omit<NewImportedAccount, 'statusIndex'> & {
  readonly isImported: boolean
  /** Kind of the hash that its secret came with. */
  readonly foreignKind: ForeignHashKind | undefined
  readonly outcome: AccountOutcome
}

interface Context {
  readonly trx: DatabaseTransaction
  readonly actor: Actor
  readonly realm: Realm
  readonly now: Date
}

/** Writes accounts, with an audit event for each. */
export async function writeAccepted(
  { trx, actor, realm, now }: Context,
  accepted: readonly AcceptedAccount[],
): Promise<void> {
  if (accepted.length === 0) return
  const indexes = await takeStatusIndexes(trx, realm, accepted.length)
  const accounts = accepted.map((one, n) => ({ ...one, statusIndex: indexes[n] as number }))
  await insertImportedAccounts(trx, realm.id, accounts, now)
  if (accepted.some(({ secrets }) => secrets.length > 0)) await updateRealmImportsSecrets(trx, realm.id)
  const events = accepted.map((one) => done(actor, 'service-account.create', one.clientId, detailsOf(one)))
  await insertAuditEvents(trx, realm, events, now)
}

/** In the audit trail. */
function detailsOf({
  name,
  roles,
  authMethods,
  disabledAt,
  secrets,
  isImported,
  ...others
}: AcceptedAccount) {
  const { jwksUri, keys, claims, metadata, subject, foreignKind } = others
  const oldEndsAt = secrets[1]?.expiresAt
  return {
    name,
    roles,
    auth_methods: authMethods,
    imported: isImported,
    enabled: disabledAt === undefined,
    secret: secrets.length > 0,
    ...(oldEndsAt && { old_ends_at: oldEndsAt }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(keys.length > 0 && { keys: keys.map(noteOf) }),
    ...(foreignKind && { secret_hash: foreignKind }),
    ...(claims && { claims }),
    ...(metadata && { metadata }),
    ...(subject !== undefined && { subject }),
  }
}
