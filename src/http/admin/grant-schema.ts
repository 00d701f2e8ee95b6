import { GRANT_ROLE_PATTERN } from '../../domain/grant.ts'
import { RESOURCE_ID_PATTERN, RESOURCE_TYPE_PATTERN } from '../../domain/protected-resource.ts'
import { Type } from '../../wire/json-schema.ts'
import { Closed, named } from './schemas.ts'

/** Enough for the maximum number of grants of an account. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024

/** Options of a route that takes all grants of an account. */
export const GRANTS_ROUTE = {
  bodyLimit: BODY_LIMIT_BYTES,
  config: { bodyLimitBytes: BODY_LIMIT_BYTES },
}

export const grantMembers = {
  role: Type.String({
    pattern: GRANT_ROLE_PATTERN,
    description: 'view, operate, manage or one that the realm adds',
  }),
  type: Type.String({
    pattern: RESOURCE_TYPE_PATTERN,
    description: 'device, device_group or one that the realm adds',
  }),
  id: Type.String({ pattern: RESOURCE_ID_PATTERN, description: 'Id of an existing resource' }),
}

export const NewGrant = named('NewGrant', Type.Object(grantMembers, Closed))
