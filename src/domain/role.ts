/** Built-in roles of every realm. */
export const BUILT_IN_ROLES: readonly string[] = ['view', 'operate', 'manage', 'account-admin', 'introspect']

export const DEFAULT_ROLE = 'view'
export const ACCOUNT_ADMIN = 'account-admin'

/** For resource servers: may introspect tokens of its realm. */
export const INTROSPECT = 'introspect'

/** Characters of a role's name. */
export const MAX_ROLE_LENGTH = 63

/** Exists only in realm `system`. */
export const PLATFORM_ADMIN = 'platform-admin'
