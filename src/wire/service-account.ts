import type { AccountLimits } from '../domain/account-limits.ts'
import type { ClientKey } from '../domain/client-key.ts'
import type { ListedClientSecret, ServiceAccount } from '../domain/service-account.ts'
import { quotaToWire } from './quota.ts'
import { warningsToWire } from './warnings.ts'

/** A service account as JSON of the admin API and of the CLI's `--json`. */
export function serviceAccountToWire(account: ServiceAccount, realmName: string) {
  return {
    client_id: account.clientId,
    name: account.name,
    description: account.description,
    realm: realmName,
    roles: [...account.roles],
    scopes: account.scopes ? [...account.scopes] : null,
    introspects_audiences: account.introspectsAudiences ? [...account.introspectsAudiences] : null,
    auth_methods: [...account.authMethods],
    jwks_uri: account.jwksUri ?? null,
    claims: [...account.claims],
    metadata: { ...account.metadata },
    subject: account.subject ?? null,
    quota: quotaToWire(account.quota),
    ...limitsToWire(account),
    enabled: account.disabledAt === undefined,
    disabled_at: account.disabledAt ?? null,
    foreign_hash: account.foreignHash ?? null,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
    last_used_at: account.lastUsedAt ?? null,
    last_used_address: account.lastUsedAddress ?? null,
    last_used_scope: account.lastUsedScope ?? null,
  }
}

export function limitsToWire({ allowedNetworks, expiresAt, maxSecretAgeSeconds }: AccountLimits) {
  return {
    allowed_networks: allowedNetworks ? [...allowedNetworks] : null,
    expires_at: expiresAt ?? null,
    max_secret_age_seconds: maxSecretAgeSeconds ?? null,
  }
}

/** What is shown of credentials that were made just now. */
export interface NewCredentials {
  readonly account: ServiceAccount
  readonly warnings?: readonly string[] | undefined
  /** `undefined`: there is none, or the client has it already. */
  readonly clientSecret: string | undefined
  readonly secret?: ListedClientSecret | undefined
  readonly oldSecrets?: readonly ListedClientSecret[] | undefined
  readonly key?: ClientKey | undefined
}

/** An account with new credentials, for the one answer that shows them. */
export function newCredentialsToWire(
  { account, warnings, clientSecret, secret, oldSecrets = [], key }: NewCredentials,
  realmName: string,
) {
  const { client_id, ...rest } = serviceAccountToWire(account, realmName)
  return {
    client_id,
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    ...rest,
    ...(secret && { secret: clientSecretToWire(secret) }),
    old_secrets: oldSecrets.map(clientSecretToWire),
    ...(key && { key: clientKeyToWire(key) }),
    ...warningsToWire(warnings),
  }
}

/** Record of a secret, without the secret. */
export function clientSecretToWire(secret: ListedClientSecret) {
  return {
    id: secret.id,
    last_four: secret.lastFour,
    created_at: secret.createdAt,
    expires_at: secret.expiresAt ?? null,
    too_old_at: secret.tooOldAt ?? null,
    last_used_at: secret.lastUsedAt ?? null,
  }
}

/** A public key, in the names of the wire. */
export function clientKeyToWire(key: ClientKey) {
  return {
    kid: key.kid,
    thumbprint: key.thumbprint,
    algorithm: key.algorithm,
    name: key.name,
    created_at: key.createdAt,
    expires_at: key.expiresAt ?? null,
    last_used_at: key.lastUsedAt ?? null,
    jwk: key.jwk,
  }
}
