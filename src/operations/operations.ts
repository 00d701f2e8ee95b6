import { type AccountRoleOperations, accountRoleOperations } from './accounts/account-roles.ts'
import { type BootstrapOperations, bootstrapOperations } from './accounts/bootstrap.ts'
import { type ClientSecretOperations, clientSecretOperations } from './accounts/client-secrets.ts'
import { type LeakedSecretOperations, leakedSecretOperations } from './accounts/leaked-secrets.ts'
import { actionOf } from './accounts/service-account-update.ts'
import { type ServiceAccountOperations, serviceAccountOperations } from './accounts/service-accounts.ts'
import { type ClientAuthentication, clientAuthentication } from './clients/client-authentication.ts'
import { createFreshClients } from './clients/fresh-clients.ts'
import { createLoadedRealms } from './clients/loaded-realms.ts'
import type { Dependencies } from './dependencies.ts'
import { type EndedSessionOperations, endedSessionOperations } from './portal/ended-sessions.ts'
import { type PortalSessionOperations, portalSessionOperations } from './portal/portal-sessions.ts'
import { type PortalVisitOperations, portalVisitOperations } from './portal/portal-visits.ts'
import { type SingleSignOnOperations, singleSignOnOperations } from './portal/single-sign-on.ts'
import { type CompromiseOperations, compromiseOperations } from './realms/compromise.ts'
import { type MasterKeyOperations, masterKeyOperations } from './realms/master-key.ts'
import { type PolicyOperations, policyOperations } from './realms/policy.ts'
import { type RealmOperations, realmOperations } from './realms/realms.ts'
import { type SigningKeyOperations, signingKeyOperations } from './realms/signing-keys.ts'
import { type GrantOperations, grantOperations } from './resources/grants.ts'
import {
  type ProtectedResourceOperations,
  protectedResourceOperations,
} from './resources/protected-resources.ts'
import { type AccessTokenOperations, accessTokenOperations } from './tokens/access-tokens.ts'
import { type AdministratorOperations, administratorOperations } from './tokens/administrators.ts'
import { type IntrospectionOperations, introspectionOperations } from './tokens/introspection.ts'
import { type PresentedTokenOperations, presentedTokenOperations } from './tokens/presented-tokens.ts'
import { type PublishedRealmOperations, publishedRealmOperations } from './tokens/published-realms.ts'
import { type StatusListOperations, statusListOperations } from './tokens/status-lists.ts'
import { type TokenPreviewOperations, tokenPreviewOperations } from './tokens/token-previews.ts'
import {
  type AccountTokenOperations,
  accountTokenOperations,
  type TokenRevocationOperations,
  tokenRevocationOperations,
} from './tokens/token-revocation.ts'
import { type UseOperations, useOperations } from './tokens/uses.ts'
import { type AuditEventOperations, auditEventOperations } from './upkeep/audit-events.ts'
import { type AuditRetentionOperations, auditRetentionOperations } from './upkeep/audit-retention.ts'
import { type ExpiryOperations, expiryOperations } from './upkeep/expiry.ts'
import { type HealthOperations, healthOperations } from './upkeep/health.ts'
import { type MeasurementOperations, measurementOperations } from './upkeep/measurements.ts'
import { type AttemptNames, recordRefusals } from './upkeep/refused-attempts.ts'

/** All that the server can do; every front door calls these. */
export type Operations = AccessTokenOperations &
  AccountTokenOperations &
  AdministratorOperations &
  AccountRoleOperations &
  AuditEventOperations &
  AuditRetentionOperations &
  BootstrapOperations &
  ClientAuthentication &
  ClientSecretOperations &
  CompromiseOperations &
  EndedSessionOperations &
  ExpiryOperations &
  GrantOperations &
  HealthOperations &
  IntrospectionOperations &
  MasterKeyOperations &
  MeasurementOperations &
  PolicyOperations &
  PortalSessionOperations &
  PortalVisitOperations &
  PresentedTokenOperations &
  ProtectedResourceOperations &
  PublishedRealmOperations &
  RealmOperations &
  ServiceAccountOperations &
  SigningKeyOperations &
  SingleSignOnOperations &
  StatusListOperations &
  LeakedSecretOperations &
  TokenPreviewOperations &
  TokenRevocationOperations &
  UseOperations

export function createOperations(dependencies: Dependencies): Operations {
  const forTokens = { ...dependencies, db: dependencies.tokenDb }
  const loadedRealms = createLoadedRealms(forTokens)
  const freshClients = createFreshClients(forTokens, loadedRealms)
  const singleSignOn = singleSignOnOperations(dependencies)
  const presentedTokens = presentedTokenOperations(forTokens, freshClients)
  const uses = useOperations(dependencies)
  const statusLists = statusListOperations(forTokens, loadedRealms)
  const leakedSecrets = leakedSecretOperations(dependencies)
  const administration = recordRefusals(
    dependencies,
    {
      ...realmOperations(dependencies),
      ...serviceAccountOperations(dependencies),
      ...clientSecretOperations(dependencies),
      ...accountRoleOperations(dependencies),
      ...grantOperations(dependencies),
      ...protectedResourceOperations(dependencies),
      ...signingKeyOperations(dependencies),
      ...accountTokenOperations(dependencies),
      ...masterKeyOperations(dependencies),
      ...policyOperations(dependencies),
      ...portalSessionOperations(dependencies),
      ...auditEventOperations(dependencies),
      ...tokenPreviewOperations(dependencies, freshClients),
    },
    { changes: CHANGES, reads: READS },
  )
  return {
    ...administration,
    ...compromiseOperations(dependencies, administration),
    // A node that comes second is refused, which is nobody's attempt.
    ...bootstrapOperations(dependencies, {
      ...realmOperations(dependencies),
      ...serviceAccountOperations(dependencies),
    }),
    ...clientAuthentication(dependencies, freshClients),
    ...singleSignOn.operations,
    ...portalVisitOperations(dependencies, singleSignOn.grants),
    ...endedSessionOperations(dependencies, singleSignOn.grants),
    ...presentedTokens,
    ...introspectionOperations(dependencies, presentedTokens, administration),
    ...tokenRevocationOperations(dependencies, presentedTokens),
    ...administratorOperations(dependencies, presentedTokens),
    ...accessTokenOperations(dependencies, uses),
    ...uses,
    ...publishedRealmOperations(dependencies, loadedRealms),
    ...leakedSecrets,
    ...statusLists,
    ...expiryOperations(dependencies),
    ...auditRetentionOperations(dependencies),
    ...healthOperations(dependencies, loadedRealms),
    ...measurementOperations(dependencies, loadedRealms, { ...freshClients, ...leakedSecrets }, statusLists),
  }
}

/** What leaves a line in the audit trail when it may not be read. */
const READS: AttemptNames<Operations> = {
  listRealms: 'realm.list',
  findRealm: 'realm.read',
  listServiceAccounts: 'service-account.list',
  findServiceAccount: 'service-account.read',
  listClientSecrets: 'service-account.list-secrets',
  previewAccessToken: 'service-account.preview-token',
  listGrants: 'grant.list',
  listProtectedResources: 'resource.list',
  findProtectedResource: 'resource.read',
  listSigningKeys: 'key.list',
  findPolicy: 'policy.read',
  listRealmsBeyondPolicy: 'policy.read',
  listPortalSessions: 'portal.list-sessions',
  listAuditEvents: 'audit-event.list',
  exportAuditEvents: 'audit-event.export',
}

/** What leaves a line in the audit trail when it is refused. */
const CHANGES: AttemptNames<Operations> = {
  createRealm: 'realm.create',
  updateRealm: 'realm.update',
  deleteRealm: 'realm.delete',
  createServiceAccount: 'service-account.create',
  updateServiceAccount: (_actor, _realm, _clientId, { expectedVersion: _, ...update }) => actionOf(update),
  deleteServiceAccount: 'service-account.delete',
  resetClientSecret: 'service-account.reset-secret',
  startSecretRotation: 'service-account.rotate-secret',
  deleteClientSecret: 'service-account.delete-secret',
  addRole: 'role.add',
  removeRole: 'role.remove',
  addGrant: 'grant.add',
  removeGrant: 'grant.remove',
  replaceGrants: 'grant.replace',
  putProtectedResource: 'resource.update',
  deleteProtectedResource: 'resource.delete',
  importProtectedResources: 'resource.import',
  revokeTokens: 'service-account.revoke-tokens',
  rotateSigningKey: 'key.rotate',
  revokeSigningKey: 'key.revoke',
  rotateMasterKey: 'master-key.rotate',
  updatePolicy: 'policy.update',
  createPortalLink: 'portal.link',
  endPortalSessions: 'portal.end-sessions',
}
