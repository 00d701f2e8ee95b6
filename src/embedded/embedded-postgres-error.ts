/** The embedded PostgreSQL cannot be used, in words for whoever runs the server. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
}
