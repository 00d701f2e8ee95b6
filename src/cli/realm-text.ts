import { issuerOf, type Realm } from '../domain/realm.ts'
import { quotaText } from './quota-arguments.ts'
import type { Text } from './table.ts'
import { claimsText, fields, table, time } from './text.ts'

function mainMembers(realm: Realm, publicUrl: string) {
  const issuer = issuerOf(publicUrl, realm.name)
  return {
    name: realm.name,
    issuer,
    algorithm: realm.algorithm,
    'token lifetime': `${realm.tokenLifetimeSeconds} s`,
    scopes: realm.scopes.join(' '),
    audiences: realm.audiences.join(' ') || issuer,
  }
}

/** The settings that most people look for. */
export function describe(realm: Realm, publicUrl: string): string {
  return fields(mainMembers(realm, publicUrl))
}

/** Every setting, as `show` prints it. */
export function describeAll(realm: Realm, publicUrl: string): string {
  return fields({
    ...mainMembers(realm, publicUrl),
    'display name': realm.displayName,
    roles: realm.roles.join(' '),
    'resource types': realm.resourceTypes.join(' '),
    'service accounts': `${realm.serviceAccountCount} of ${realm.serviceAccountLimit}`,
    'auth methods': realm.allowedAuthMethods.join(' '),
    'assertion audience': realm.assertionAudience,
    'introspection audiences': realm.introspectionAudiences,
    'leaked secret action': realm.leakedSecretAction,
    ...(realm.maxSecretAgeSeconds > 0 && { 'max secret age': `${realm.maxSecretAgeSeconds} s` }),
    ...(realm.auditRetentionDays !== null && { 'audit trail': `kept for ${realm.auditRetentionDays} days` }),
    'token profile': realm.tokenProfile,
    'token type header': realm.tokenTypeHeader,
    ...(realm.claims.length > 0 && { claims: claimsText(realm.claims) }),
    ...(realm.quota && { quota: quotaText(realm.quota) }),
    ...(realm.shadowMode && { 'shadow mode': 'on: it gives no tokens' }),
    'key rotation': `${realm.keyRotationSeconds} s`,
    'key publish': `${realm.keyPublishSeconds} s`,
    'JWKS max age': `${realm.jwksMaxAgeSeconds} s`,
    created: time(realm.createdAt),
  })
}

export function listText(realms: readonly Realm[], search?: string): Text {
  if (realms.length === 0 && search !== undefined) return `No realm has ${search} in its name.`
  if (realms.length === 0) return 'There are no realms yet. Make one: mintmark realm create <name>'
  const rows = realms.map((realm) => [
    realm.name,
    realm.algorithm,
    `${realm.tokenLifetimeSeconds} s`,
    `${realm.serviceAccountCount} of ${realm.serviceAccountLimit}`,
    time(realm.createdAt),
  ])
  return table(['NAME', 'ALGORITHM', 'TOKEN LIFETIME', 'SERVICE ACCOUNTS', 'CREATED'], rows)
}
