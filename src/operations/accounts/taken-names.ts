import type { Realm } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { violatedConstraint } from '../../storage/database.ts'

export function limitReached({ name, serviceAccountLimit }: Realm): Refusal {
  return new Refusal(
    'limit_reached',
    `Realm ${name} has reached its limit of ${serviceAccountLimit} service accounts.`,
    undefined,
    serviceAccountLimit,
  )
}

/** The refusal that a violated constraint stands for. */
export function takenRefusal(error: unknown, name: string): Refusal | undefined {
  switch (violatedConstraint(error)) {
    case 'service_accounts_name_key':
      return new Refusal('name_taken', `There is a service account named “${name}” already.`, 'name')
    case 'service_accounts_pkey':
      return new Refusal(
        'client_id_taken',
        'There is a service account with that client_id already.',
        'client_id',
      )
    case 'account_subjects_pkey':
      return new Refusal('conflict', 'Another account has that subject.', 'subject')
    default:
      return undefined
  }
}
