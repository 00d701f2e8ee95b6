/** Roles that every realm has. */
export const BUILT_IN_ROLES: readonly string[] = ['view', 'operate', 'manage', 'account-admin']

export const DEFAULT_ROLE = 'view'
export const ACCOUNT_ADMIN = 'account-admin'

/** Exists in realm `system` alone. */
export const PLATFORM_ADMIN = 'platform-admin'
