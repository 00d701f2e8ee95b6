import { type AccessTokenOperations, accessTokenOperations } from './access-tokens.ts'
import { type BootstrapOperations, bootstrapOperations } from './bootstrap.ts'
import { type ClientAuthentication, clientAuthentication } from './client-authentication.ts'
import { type ClientSecretOperations, clientSecretOperations } from './client-secrets.ts'
import type { Dependencies } from './dependencies.ts'
import { createFreshClients } from './fresh-clients.ts'
import { type HealthOperations, healthOperations } from './health.ts'
import { createLoadedRealms } from './loaded-realms.ts'
import { type MasterKeyOperations, masterKeyOperations } from './master-key.ts'
import { type MeasurementOperations, measurementOperations } from './measurements.ts'
import { type PresentedTokenOperations, presentedTokenOperations } from './presented-tokens.ts'
import { type PublishedRealmOperations, publishedRealmOperations } from './published-realms.ts'
import { type RealmOperations, realmOperations } from './realms.ts'
import { type ServiceAccountOperations, serviceAccountOperations } from './service-accounts.ts'
import { type SigningKeyOperations, signingKeyOperations } from './signing-keys.ts'

/** All that the server can do; every front door calls these. */
export type Operations = AccessTokenOperations &
  BootstrapOperations &
  ClientAuthentication &
  ClientSecretOperations &
  HealthOperations &
  MasterKeyOperations &
  MeasurementOperations &
  PresentedTokenOperations &
  PublishedRealmOperations &
  RealmOperations &
  ServiceAccountOperations &
  SigningKeyOperations

export function createOperations(dependencies: Dependencies): Operations {
  const loadedRealms = createLoadedRealms(dependencies)
  const realms = realmOperations(dependencies)
  const serviceAccounts = serviceAccountOperations(dependencies)
  const freshClients = createFreshClients(dependencies, loadedRealms)
  return {
    ...realms,
    ...serviceAccounts,
    ...clientSecretOperations(dependencies),
    ...signingKeyOperations(dependencies),
    ...masterKeyOperations(dependencies),
    ...bootstrapOperations(dependencies, { ...realms, ...serviceAccounts }),
    ...clientAuthentication(dependencies, freshClients),
    ...presentedTokenOperations(dependencies, freshClients),
    ...accessTokenOperations(dependencies),
    ...publishedRealmOperations(loadedRealms),
    ...healthOperations(dependencies),
    ...measurementOperations(dependencies, loadedRealms, freshClients),
  }
}
