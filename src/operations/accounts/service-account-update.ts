import { isDeepStrictEqual } from 'node:util'
import { type AccountLimits, type AccountLimitsUpdate, parseLimits } from '../../domain/account-limits.ts'
import type { ChangeAction } from '../../domain/audit-event.ts'
import type { CustomClaim, Metadata } from '../../domain/custom-claim.ts'
import { checkAccountClaims } from '../../domain/custom-claim-check.ts'
import { accountWarnings, type Warned } from '../../domain/impossible-claims.ts'
import { checkQuota, type Quota } from '../../domain/quota.ts'
import { checkAccountRights, MAX_TOKEN_LIFETIME_SECONDS } from '../../domain/realm.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import {
  nameKey,
  parseDescription,
  parseDisplayName,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import { requireRoomForRights } from '../../domain/token-size.ts'
import type { ServiceAccountChanges } from '../../storage/service-account-changes.ts'
import { updateServiceAccount } from '../../storage/service-accounts.ts'
import {
  type ChangeContext,
  keepPlatformAdministrator,
  requirePlatformAdministrator,
} from './account-changes.ts'
import { takeSubject } from './account-subjects.ts'
import { changedMethods, endMethods } from './auth-methods.ts'
import { changedJwksUri } from './jwks-uri.ts'
import { replaceStatusIndex } from './status-indexes.ts'

/** Changes of an account; absent members stay. */
export interface ServiceAccountUpdate extends AccountLimitsUpdate {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly roles?: readonly string[] | undefined
  /** `null`: all scopes of the realm. */
  readonly scopes?: readonly string[] | null | undefined
  /** `null`: none configured. */
  readonly introspectsAudiences?: readonly string[] | null | undefined
  /** By what it may authenticate from then on. */
  readonly authMethods?: readonly string[] | undefined
  /** Where it publishes its keys; `null`: nowhere. */
  readonly jwksUri?: string | null | undefined
  readonly claims?: readonly CustomClaim[] | undefined
  readonly metadata?: Metadata | undefined
  /** Its sub on another server; an import alone sets it. */
  readonly subject?: string | undefined
  /** `null`: any number of tokens. */
  readonly quota?: Quota | null | undefined
  readonly enabled?: boolean | undefined
}

/** Action in the audit trail. */
export function actionOf(update: ServiceAccountUpdate): ChangeAction {
  const members = Object.keys(update)
  if (members.length === 1 && update.enabled !== undefined)
    return update.enabled ? 'service-account.enable' : 'service-account.disable'
  return 'service-account.update'
}

/** Members that really change. */
export function changesOf(
  account: ServiceAccount,
  update: ServiceAccountUpdate,
  now: Date,
): ServiceAccountChanges {
  const {
    name,
    description,
    roles,
    scopes,
    introspectsAudiences,
    claims,
    metadata,
    subject,
    quota,
    enabled,
  } = update
  const parsed = name === undefined ? account.name : parseDisplayName(name)
  const told = description === undefined ? account.description : parseDescription(description)
  const wasEnabled = account.disabledAt === undefined
  return {
    ...(parsed !== account.name && { name: parsed, nameKey: nameKey(parsed) }),
    ...(told !== account.description && { description: told }),
    ...(roles !== undefined && !isDeepStrictEqual(roles, account.roles) && { roles }),
    ...(differs(scopes, account.scopes) && { scopes: scopes ?? undefined }),
    ...(differs(introspectsAudiences, account.introspectsAudiences) && {
      introspectsAudiences: introspectsAudiences ?? undefined,
    }),
    ...(claims !== undefined && !isDeepStrictEqual(claims, account.claims) && { claims }),
    ...(metadata !== undefined && !isDeepStrictEqual(metadata, account.metadata) && { metadata }),
    ...(subject !== undefined && subject !== account.subject && { subject }),
    ...(quota !== undefined && !isDeepStrictEqual(quota, account.quota) && { quota }),
    ...changedLimits(account, update),
    ...(enabled !== undefined && enabled !== wasEnabled && { disabledAt: enabled ? undefined : now }),
  }
}

function changedLimits(account: ServiceAccount, update: AccountLimitsUpdate): Partial<AccountLimits> {
  const { allowedNetworks, expiresAt, maxSecretAgeSeconds } = parseLimits(update)
  const isOther = expiresAt !== undefined && expiresAt?.getTime() !== account.expiresAt?.getTime()
  return {
    ...(differs(allowedNetworks, account.allowedNetworks) && {
      allowedNetworks: allowedNetworks ?? undefined,
    }),
    ...(isOther && { expiresAt: expiresAt ?? undefined }),
    ...(differs(maxSecretAgeSeconds, account.maxSecretAgeSeconds) && {
      maxSecretAgeSeconds: maxSecretAgeSeconds ?? undefined,
    }),
  }
}

/** For optional members: `null` removes the value, `undefined` keeps it. */
function differs(
  asked: readonly string[] | number | null | undefined,
  present: readonly string[] | number | undefined,
): boolean {
  return asked !== undefined && !isDeepStrictEqual(asked, present ?? null)
}

export function losesAdministration({ roles }: ServiceAccount, changes: ServiceAccountChanges): boolean {
  const demoted = changes.roles !== undefined && !changes.roles.includes(PLATFORM_ADMIN)
  const limited = changes.expiresAt !== undefined || changes.allowedNetworks !== undefined
  return roles.includes(PLATFORM_ADMIN) && (demoted || limited || changes.disabledAt !== undefined)
}

/** Current values of the members that change. */
export function pick(account: ServiceAccount, changes: ServiceAccountChanges): Record<string, unknown> {
  return {
    ...('name' in changes && { name: account.name }),
    ...('description' in changes && { description: account.description }),
    ...('roles' in changes && { roles: account.roles }),
    ...('scopes' in changes && { scopes: account.scopes ?? null }),
    ...('introspectsAudiences' in changes && {
      introspects_audiences: account.introspectsAudiences ?? null,
    }),
    ...('authMethods' in changes && { auth_methods: account.authMethods }),
    ...('jwksUri' in changes && { jwks_uri: account.jwksUri ?? null }),
    ...('claims' in changes && { claims: account.claims }),
    ...('metadata' in changes && { metadata: account.metadata }),
    ...('subject' in changes && { subject: account.subject ?? null }),
    ...('quota' in changes && { quota: account.quota }),
    ...('allowedNetworks' in changes && { allowed_networks: account.allowedNetworks ?? null }),
    ...('expiresAt' in changes && { expires_at: account.expiresAt ?? null }),
    ...('maxSecretAgeSeconds' in changes && { max_secret_age_seconds: account.maxSecretAgeSeconds ?? null }),
    ...('disabledAt' in changes && { enabled: account.disabledAt === undefined }),
  }
}

/** A token that was issued before the end was set may live longer than it. */
const LONGEST_TOKEN = MAX_TOKEN_LIFETIME_SECONDS * 1000

/** Members that a token grows by. */
const SHOWN_IN_TOKENS = ['roles', 'scopes', 'claims', 'metadata', 'name', 'subject'] as const

/** Tells of claims that its tokens cannot have then. */
export async function applyUpdate(
  context: ChangeContext,
  update: ServiceAccountUpdate,
  publicUrl: string,
): Promise<Warned<ServiceAccount>> {
  const account = await write(context, update, publicUrl)
  return { ...account, warnings: accountWarnings(account, context.realm, publicUrl) }
}

async function write(
  context: ChangeContext,
  update: ServiceAccountUpdate,
  publicUrl: string,
): Promise<ServiceAccount> {
  const { trx, realm, account, now, note, noteNothing } = context
  checkAccountRights(realm, update, publicUrl)
  checkAccountClaims(update)
  checkQuota(update.quota)
  const authMethods = changedMethods(context, update.authMethods)
  const published = await changedJwksUri(context, update.jwksUri)
  const changes = { ...changesOf(account, update, now), ...(authMethods && { authMethods }), ...published }
  if (Object.keys(changes).length === 0) {
    noteNothing()
    return account
  }
  if (SHOWN_IN_TOKENS.some((member) => member in changes))
    requireRoomForRights(publicUrl, realm, { ...account, ...changes }, account)
  if (changes.subject !== undefined) await takeSubject(context, changes.subject)
  if (losesAdministration(account, changes)) await keepPlatformAdministrator(context)
  note({ before: pick(account, changes), after: pick({ ...account, ...changes }, changes) })
  const keysEnd =
    (authMethods !== undefined && (await endMethods(context, authMethods))) ||
    ('jwksUri' in changes && account.jwksUri !== undefined)
  // A disabled account has no valid tokens; once enabled, its tokens carry a new index.
  const endsSoon =
    changes.expiresAt !== undefined && changes.expiresAt.getTime() - now.getTime() < LONGEST_TOKEN
  const renewed =
    changes.disabledAt || keysEnd || endsSoon ? { statusIndex: await replaceStatusIndex(context) } : {}
  const all = { ...changes, ...renewed, updatedAt: now }
  const updated = await updateServiceAccount(trx, account.realmId, account.clientId, all)
  if (authMethods || 'jwksUri' in changes)
    await requirePlatformAdministrator({ ...context, account: updated })
  return updated
}
