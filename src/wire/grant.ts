import type { Grant } from '../domain/grant.ts'

/** A grant in the names of the wire: the admin API's, and the CLI's `--json`. */
export function grantToWire({ role, type, id, name, createdAt }: Grant) {
  return { role, type, id, name, created_at: createdAt }
}
