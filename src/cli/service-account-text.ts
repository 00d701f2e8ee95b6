import type { ServiceAccount } from '../domain/service-account.ts'
import type {
  CreatedServiceAccount,
  ServiceAccountWithSecret,
} from '../operations/accounts/new-service-account.ts'
import { newCredentialsToWire, serviceAccountToWire } from '../wire/service-account.ts'
import { quotaText } from './quota-arguments.ts'
import type { Answer } from './session.ts'
import type { Text } from './table.ts'
import { claimsText, fields, pairsText, table, time } from './text.ts'

/** One account, as `show` prints it. */
export function describe(account: ServiceAccount, realm: string): Answer {
  return { json: serviceAccountToWire(account, realm), text: fields(members(account, realm)) }
}

export function describeWithSecret(made: ServiceAccountWithSecret, realm: string): Answer {
  const { account, clientSecret } = made
  return {
    json: newCredentialsToWire(made, realm),
    text: secretText(account, clientSecret, realm),
  }
}

function secretText(account: ServiceAccount, clientSecret: string, realm: string): string {
  const { client_id: shown, ...more } = members(account, realm)
  return `${fields({ client_id: shown, client_secret: clientSecret, ...more })}

Keep the secret now: it is not stored and cannot be shown again.`
}

/** With its secret or its key, where it has them. */
export function describeCreated(created: CreatedServiceAccount, realm: string): Answer {
  const { account, clientSecret, key } = created
  const json = newCredentialsToWire(created, realm)
  if (clientSecret !== undefined) return { json, text: secretText(account, clientSecret, realm) }
  const next = `Next: mintmark service-account key add --realm ${realm} ${account.clientId} --public-key <file>`
  const { text } = describe(account, realm)
  if (account.authMethods.includes('client_secret')) return { json, text }
  if (account.jwksUri !== undefined) return { json, text }
  return { json, text: key ? `${text}\n\nIts key has the kid ${key.kid}` : `${text}\n\n${next}` }
}

function members(account: ServiceAccount, realm: string) {
  return {
    client_id: account.clientId,
    name: account.name,
    description: account.description,
    realm,
    roles: account.roles.join(' '),
    scopes: account.scopes && (account.scopes.join(' ') || 'none'),
    ...(account.introspectsAudiences && { 'introspects audiences': account.introspectsAudiences.join(' ') }),
    ...(account.authMethods.includes('private_key_jwt') && {
      'auth methods': account.authMethods.join(' '),
    }),
    ...(account.foreignHash && { 'secret hashed by': `${account.foreignHash}, until it is used` }),
    ...(account.claims.length > 0 && { claims: claimsText(account.claims) }),
    ...(Object.keys(account.metadata).length > 0 && { metadata: pairsText(account.metadata) }),
    ...(account.subject !== undefined && { subject: account.subject }),
    ...(account.quota && { quota: quotaText(account.quota) }),
    ...(account.jwksUri !== undefined && { 'keys at': account.jwksUri }),
    ...(account.allowedNetworks && { 'allowed networks': account.allowedNetworks.join(' ') }),
    ...(account.maxSecretAgeSeconds !== undefined && {
      'max secret age': `${account.maxSecretAgeSeconds} s`,
    }),
    ...(account.expiresAt && { 'expires at': time(account.expiresAt) }),
    state: account.disabledAt ? `disabled since ${time(account.disabledAt)}` : 'enabled',
    created: time(account.createdAt),
    'last used': time(account.lastUsedAt),
  }
}

export function listText(accounts: readonly ServiceAccount[], realm: string): Text {
  if (accounts.length === 0)
    return `Realm ${realm} has no service accounts yet. Make one: mintmark service-account create --realm ${realm} --name <name>`
  const rows = accounts.map((account) => [
    account.clientId,
    account.name,
    account.roles.join(' '),
    account.disabledAt ? 'disabled' : 'enabled',
    time(account.createdAt),
    time(account.lastUsedAt),
  ])
  const foreign = accounts.filter(({ foreignHash }) => foreignHash).length
  const shown = table(['CLIENT_ID', 'NAME', 'ROLES', 'STATE', 'CREATED', 'LAST USED'], rows)
  if (foreign === 0) return shown
  return `${shown}\n\nSecrets that still have the hash they were imported with, since they were not used here: ${foreign}`
}
