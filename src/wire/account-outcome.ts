import type { AccountLine, AccountOutcome } from '../domain/account-line.ts'

/** A line of an import. */
export function accountLineToWire(line: AccountLine) {
  const {
    clientId,
    name,
    description,
    roles,
    scopes,
    introspectsAudiences,
    claims,
    metadata,
    subject,
    enabled,
    jwks,
    jwksUri,
    keep,
    createdAt,
  } = line
  return {
    client_id: clientId,
    name,
    ...(description !== undefined && { description }),
    ...(roles && { roles }),
    ...(scopes !== undefined && { scopes }),
    ...(introspectsAudiences !== undefined && { introspects_audiences: introspectsAudiences }),
    ...(claims && { claims }),
    ...(metadata && { metadata }),
    ...(subject !== undefined && { subject }),
    ...(enabled !== undefined && { enabled }),
    ...secretsToWire(line),
    ...(jwks && { jwks }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(keep && { keep }),
    ...(createdAt && { created_at: createdAt.toISOString() }),
  }
}

function secretsToWire({ clientSecret, secretHash, oldClientSecret, secretCreatedAt, ...old }: AccountLine) {
  const { oldSecretExpiresAt, oldSecretCreatedAt } = old
  return {
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    ...(secretHash !== undefined && { secret_hash: secretHash }),
    ...(secretCreatedAt && { secret_created_at: secretCreatedAt.toISOString() }),
    ...(oldClientSecret !== undefined && { old_client_secret: oldClientSecret }),
    ...(oldSecretExpiresAt && { old_secret_expires_at: oldSecretExpiresAt.toISOString() }),
    ...(oldSecretCreatedAt && { old_secret_created_at: oldSecretCreatedAt.toISOString() }),
  }
}

/** Result of one line of an import of service accounts. */
export function accountOutcomeToWire(line: number, outcome: AccountOutcome) {
  const { status, clientId } = outcome
  const base = { line, status, ...(clientId !== undefined && { client_id: clientId }) }
  if (outcome.status === 'refused') {
    const { message, field } = outcome.refusal
    return { ...base, detail: message, ...(field !== undefined && { field }) }
  }
  const { hash, detail } = outcome
  return { ...base, ...(hash && { foreign_hash: hash }), ...(detail !== undefined && { detail }) }
}
