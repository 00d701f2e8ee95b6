import { Type } from '../../wire/json-schema.ts'
import { Closed, named } from './schemas.ts'

/** Enough for the maximum number of grants of an account. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024

/** Options of a route that takes all grants of an account. */
export const GRANTS_ROUTE = {
  bodyLimit: BODY_LIMIT_BYTES,
  config: { bodyLimitBytes: BODY_LIMIT_BYTES },
}

const Text = (description: string) => Type.String({ pattern: '^[\\x21-\\x7e]{1,100}$', description })

export const grantMembers = {
  role: Text('view, operate, manage or one that the realm adds'),
  type: Text('device, device_group or one that the realm adds'),
  id: Text('Id of an existing resource'),
}

export const NewGrant = named('NewGrant', Type.Object(grantMembers, Closed))
