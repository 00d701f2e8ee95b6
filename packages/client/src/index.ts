export type { Credential } from './credential.ts'
export { isJwtSvid } from './platform/claims.ts'
export {
  PLATFORM_NAMES,
  type PlatformToken,
  type PlatformTokenOptions,
  platformToken,
} from './platform/platform-token.ts'
export { PlatformTokenError } from './platform/platform-token-error.ts'
export { makeAssertion, PrivateKeyError, readPrivateKey, type SigningKey } from './private-key.ts'
export { TokenRequestError } from './token-request-error.ts'
export { createTokenSource, type TokenSource, type TokenSourceOptions } from './token-source.ts'
