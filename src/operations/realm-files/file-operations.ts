import type { DatabaseTransaction } from '../../storage/database.ts'
import type { AccountImport } from '../accounts/account-import.ts'
import type { ClientKeys } from '../accounts/client-keys.ts'
import type { ServiceAccounts } from '../accounts/service-accounts.ts'
import type { TrustedIssuers } from '../federation/trusted-issuers.ts'
import type { WorkloadIdentities } from '../federation/workload-identities.ts'
import type { Realms } from '../realms/realms.ts'
import type { Grants } from '../resources/grants.ts'
import type { ProtectedResources } from '../resources/protected-resources.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'

/** The ordinary operations, on the transaction of one file. */
export interface FileOperations {
  readonly realms: Realms
  readonly accounts: ServiceAccounts & Pick<AccountImport, 'createAll'>
  readonly clientKeys: ClientKeys
  readonly workloadIdentities: WorkloadIdentities
  readonly trustedIssuers: TrustedIssuers
  readonly resources: ProtectedResources
  readonly grants: Grants
  readonly webhooks: Webhooks
}

/** What waits for the end of the transaction. */
export interface Deferred {
  /** After the commit: ends the tokens that go with trust. */
  finish(): Promise<void>
  /** After a rollback: what was refused is in the audit trail. */
  recordRefusals(): Promise<void>
}

export type BindOperations = (trx: DatabaseTransaction) => {
  readonly operations: FileOperations
  readonly deferred: Deferred
}
