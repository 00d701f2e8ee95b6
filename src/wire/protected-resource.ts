import type { ImportOutcome, ProtectedResource } from '../domain/protected-resource.ts'

/** A resource as JSON of the admin API and of the CLI's `--json`. */
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

/** Result of one line of an import. */
export function importOutcomeToWire(line: number, outcome: ImportOutcome) {
  if (outcome.status !== 'refused') return { line, ...outcome }
  const { message, field } = outcome.refusal
  return { line, status: outcome.status, detail: message, ...(field !== undefined && { field }) }
}
