import type { Grant, ResourceGrant } from '../domain/grant.ts'

/** A grant as JSON of the admin API and of the CLI's `--json`. */
export function grantToWire({ role, type, id, name, createdAt }: Grant) {
  return { role, type, id, name, created_at: createdAt }
}

/** Who has a role on a resource. */
export function resourceGrantToWire({
  clientId,
  accountName,
  enabled,
  role,
  type,
  id,
  createdAt,
}: ResourceGrant) {
  return { client_id: clientId, account_name: accountName, enabled, role, type, id, created_at: createdAt }
}
