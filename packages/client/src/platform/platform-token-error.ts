/** Why the platform gave no token. Its message holds no credential and may be logged. */
export class PlatformTokenError extends Error {
  override readonly name = 'PlatformTokenError'
}
