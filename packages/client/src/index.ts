export type { Credential } from './credential.ts'
export { TokenRequestError } from './token-request-error.ts'
export { createTokenSource, type TokenSource, type TokenSourceOptions } from './token-source.ts'
