import { findAssertionRecords } from './assertion-records.ts'
import { findClientRecords } from './client-records.ts'
import type { Database } from './database.ts'
import { findRealmsWithKeys } from './loaded-realms.ts'
import { areTokensRevoked } from './revoked-tokens.ts'
import { findStatusListVersions, readStatusList } from './status-lists.ts'
import { findRealmIssuers } from './trusted-issuers.ts'
import { findWorkloadRecords } from './workload-records.ts'

/** No realm has this name. */
const REALM = ''
const REALM_ID = '0'

/** Runs the reads of tokens, introspection and status lists for a realm that does not exist. Throws where one would fail. */
export async function readAsTokensDo(db: Database): Promise<void> {
  await findClientRecords(db, [{ realm: REALM, clientId: undefined }])
  await findAssertionRecords(db, [{ realm: REALM, clientId: undefined }])
  await findWorkloadRecords(db, [{ realm: REALM, issuerId: undefined, hashes: [], clientId: undefined }])
  await findRealmIssuers(db, [REALM])
  await findRealmsWithKeys(db, [REALM])
  await areTokensRevoked(db, [{ realmId: REALM_ID, jti: '' }])
  await findStatusListVersions(db, [{ realm: REALM, id: 0 }])
  await readStatusList(db, REALM_ID, 0, new Date(0))
}
