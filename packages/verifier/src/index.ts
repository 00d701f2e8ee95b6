export type { AccessToken, AuthorizationDetail } from './access-token.ts'
export { type BearerRequest, readBearerToken } from './bearer.ts'
export {
  type ConnectVerifierOptions,
  connectVerifier,
  tokenErrorHandler,
  withTokenErrors,
} from './connect.ts'
export { type FastifyVerifierOptions, fastifyResourceMetadata, fastifyVerifier } from './fastify.ts'
export { createMultiIssuerVerifier } from './many-issuers.ts'
export type { Algorithm, RevocationCheck, VerifierOptions } from './options.ts'
export { requireRole, requireScope, type Target } from './permissions.ts'
export type { TokenProfile } from './profile.ts'
export {
  createResourceMetadata,
  type ResourceMetadata,
  type ResourceMetadataOptions,
} from './resource-metadata.ts'
export { type BearerError, TokenError, type TokenErrorCode, type TokenErrorDetail } from './token-error.ts'
export { tokenOf } from './token-of.ts'
export { createVerifier, type Verifier, type VerifyOptions } from './verifier.ts'
