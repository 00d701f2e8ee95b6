import type { Grant } from '../domain/grant.ts'

/** A grant as JSON of the admin API and of the CLI's `--json`. */
export function grantToWire({ role, type, id, name, createdAt }: Grant) {
  return { role, type, id, name, created_at: createdAt }
}
