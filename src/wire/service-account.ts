import type { ClientKey } from '../domain/client-key.ts'
import type { ClientSecret, ServiceAccount } from '../domain/service-account.ts'

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
    enabled: account.disabledAt === undefined,
    foreign_hash: account.foreignHash ?? null,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
    last_used_at: account.lastUsedAt ?? null,
    last_used_address: account.lastUsedAddress ?? null,
    last_used_scope: account.lastUsedScope ?? null,
  }
}

/** An account with its secret, for the one answer that shows it. */
export function serviceAccountWithSecretToWire(
  account: ServiceAccount,
  clientSecret: string,
  realmName: string,
) {
  const { client_id, ...rest } = serviceAccountToWire(account, realmName)
  return { client_id, client_secret: clientSecret, ...rest }
}

/** A new account, with what is shown of it this once. */
export function createdServiceAccountToWire(
  account: ServiceAccount,
  { clientSecret, key }: { readonly clientSecret: string | undefined; readonly key?: ClientKey | undefined },
  realmName: string,
) {
  const wire =
    clientSecret === undefined
      ? serviceAccountToWire(account, realmName)
      : serviceAccountWithSecretToWire(account, clientSecret, realmName)
  return { ...wire, ...(key && { key: clientKeyToWire(key) }) }
}

/** Record of a secret, without the secret. */
export function clientSecretToWire(secret: Omit<ClientSecret, 'phc' | 'hmac'>) {
  return {
    id: secret.id,
    last_four: secret.lastFour,
    created_at: secret.createdAt,
    expires_at: secret.expiresAt ?? null,
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
