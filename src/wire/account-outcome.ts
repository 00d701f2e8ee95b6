import type { AccountOutcome } from '../domain/account-line.ts'

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
