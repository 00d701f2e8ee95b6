import { findClientRecords } from './client-records.ts'
import type { Database } from './database.ts'
import { findRealmsWithKeys } from './loaded-realms.ts'
import { areTokensRevoked } from './revoked-tokens.ts'
import { findStatusListVersions, readStatusList } from './status-lists.ts'

/** Names no realm. */
const REALM = ''
const REALM_ID = '0'

/** Asks all that tokens, introspection and status lists ask. Finds nothing; throws where one of them would fail. */
export async function readAsTokensDo(db: Database): Promise<void> {
  await findClientRecords(db, [{ realm: REALM, clientId: undefined }])
  await findRealmsWithKeys(db, [REALM])
  await areTokensRevoked(db, [{ realmId: REALM_ID, jti: '' }])
  await findStatusListVersions(db, [{ realm: REALM, id: 0 }])
  await readStatusList(db, REALM_ID, 0, new Date(0))
}
