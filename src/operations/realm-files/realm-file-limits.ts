/** A realm file may have this much; larger realms are for the API and the imports. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024
export const MAX_ACCOUNTS = 20_000
export const MAX_RESOURCES = 100_000
