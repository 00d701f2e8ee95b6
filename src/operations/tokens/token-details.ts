import { type AuthorizationDetail, intersectDetails } from '../../domain/authorization-details.ts'
import { listAuthorizationDetails } from '../../storage/authorization-details.ts'
import type { Database } from '../../storage/database.ts'
import { throwUnavailable } from '../clients/loaded-realms.ts'
import type { PresentedToken } from './presented-tokens.ts'

/**
 * What a good token lets its client do on resources at this moment, whole: what it says or, where it says that it
 * leaves them out, all that the account holds; and of that, what the account still holds.
 */
export async function tokenDetails(
  db: Database,
  { loaded, account, claims }: PresentedToken,
): Promise<readonly AuthorizationDetail[]> {
  const realmId = loaded.realm.id
  if (claims['authorization_details_omitted'] === true)
    return account.detailsOmitted
      ? listAuthorizationDetails(db, realmId, account.clientId).catch(throwUnavailable)
      : account.details
  const ofToken = (claims['authorization_details'] ?? []) as readonly AuthorizationDetail[]
  if (ofToken.length === 0) return []
  const held = account.detailsOmitted
    ? await listAuthorizationDetails(db, realmId, account.clientId, ofToken).catch(throwUnavailable)
    : account.details
  return intersectDetails(ofToken, held)
}
