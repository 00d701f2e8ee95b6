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
    clientSecret,
    secretHash,
    jwks,
    jwksUri,
    keep,
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
    ...(clientSecret !== undefined && { client_secret: clientSecret }),
    ...(secretHash !== undefined && { secret_hash: secretHash }),
    ...(jwks && { jwks }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(keep && { keep }),
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
