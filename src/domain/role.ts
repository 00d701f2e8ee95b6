/** Roles that every realm has. */
export const BUILT_IN_ROLES: readonly string[] = ['view', 'operate', 'manage', 'account-admin', 'introspect']

export const DEFAULT_ROLE = 'view'
export const ACCOUNT_ADMIN = 'account-admin'

/** A resource server: it may ask what any token of its realm is good for. */
export const INTROSPECT = 'introspect'

/** Exists in realm `system` alone. */
export const PLATFORM_ADMIN = 'platform-admin'
