import type { AuditAction } from '../../domain/audit-event.ts'
import { PLATFORM_ADMIN } from '../../domain/role.ts'
import {
  nameKey,
  parseDescription,
  parseServiceAccountName,
  type ServiceAccount,
} from '../../domain/service-account.ts'
import type { ServiceAccountChanges } from '../../storage/service-accounts.ts'

/** What may be changed of an account; what is left out stays. */
export interface ServiceAccountUpdate {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly roles?: readonly string[] | undefined
  /** `null`: all of the realm's. */
  readonly scopes?: readonly string[] | null | undefined
  /** `null`: it is not given any. */
  readonly introspectsAudiences?: readonly string[] | null | undefined
  readonly enabled?: boolean | undefined
}

/** As the audit trail calls it. */
export function actionOf(update: ServiceAccountUpdate): AuditAction {
  const members = Object.keys(update)
  if (members.length === 1 && update.enabled !== undefined)
    return update.enabled ? 'service-account.enable' : 'service-account.disable'
  return 'service-account.update'
}

/** What really changes. */
export function changesOf(
  account: ServiceAccount,
  { name, description, roles, scopes, introspectsAudiences, enabled }: ServiceAccountUpdate,
  now: Date,
): ServiceAccountChanges {
  const parsed = name === undefined ? account.name : parseServiceAccountName(name)
  const wasEnabled = account.disabledAt === undefined
  return {
    ...(parsed !== account.name && { name: parsed, nameKey: nameKey(parsed) }),
    ...(description !== undefined && { description: parseDescription(description) }),
    ...(roles !== undefined && { roles }),
    ...(scopes !== undefined && { scopes: scopes ?? undefined }),
    ...(introspectsAudiences !== undefined && { introspectsAudiences: introspectsAudiences ?? undefined }),
    ...(enabled !== undefined && enabled !== wasEnabled && { disabledAt: enabled ? undefined : now }),
  }
}

export function losesAdministration({ roles }: ServiceAccount, changes: ServiceAccountChanges): boolean {
  const demoted = changes.roles !== undefined && !changes.roles.includes(PLATFORM_ADMIN)
  return roles.includes(PLATFORM_ADMIN) && (demoted || changes.disabledAt !== undefined)
}

/** The members that change, as they are in this state of the account. */
export function pick(account: ServiceAccount, changes: ServiceAccountChanges): Record<string, unknown> {
  return {
    ...('name' in changes && { name: account.name }),
    ...('description' in changes && { description: account.description }),
    ...('roles' in changes && { roles: account.roles }),
    ...('scopes' in changes && { scopes: account.scopes ?? null }),
    ...('introspectsAudiences' in changes && {
      introspects_audiences: account.introspectsAudiences ?? null,
    }),
    ...('disabledAt' in changes && { enabled: account.disabledAt === undefined }),
  }
}
