import type { ImportOutcome, ProtectedResource } from '../domain/protected-resource.ts'

/** A resource in the names of the wire: the admin API's, and the CLI's `--json`. */
export function protectedResourceToWire(resource: ProtectedResource) {
  return {
    type: resource.type,
    id: resource.id,
    name: resource.name,
    groups: [...resource.groups],
    created_at: resource.createdAt,
    updated_at: resource.updatedAt,
  }
}

/** What became of a line of an import. */
export function importOutcomeToWire(line: number, outcome: ImportOutcome) {
  if (outcome.status !== 'refused') return { line, ...outcome }
  const { message, field } = outcome.refusal
  return { line, status: outcome.status, detail: message, ...(field !== undefined && { field }) }
}
