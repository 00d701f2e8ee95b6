import { ACCOUNT_STATES, type AccountFilter } from '../../domain/account-filter.ts'
import { AUTH_METHODS } from '../../domain/client-key.ts'
import { GRANT_ROLE_PATTERN } from '../../domain/grant.ts'
import { CLIENT_ID_PATTERN } from '../../domain/service-account.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { readMoment } from './moment.ts'
import { PageQuery, SearchText } from './schemas.ts'

const YesOrNo = (description: string) => Type.Optional(Type.Enum(['true', 'false'], { description }))

export const AccountListQuery = Type.Object({
  ...PageQuery,
  name: Type.Optional({ ...SearchText, description: 'Part of the name, whatever its case' }),
  search: Type.Optional({
    ...SearchText,
    description:
      'Part of the name, the client_id, the description or the metadata owner and tags, whatever its case',
  }),
  client_id: Type.Optional(
    Type.String({
      pattern: CLIENT_ID_PATTERN,
      description: 'Beginning of the client_id, in its case',
    }),
  ),
  state: Type.Optional(Type.Enum([...ACCOUNT_STATES], { description: 'Whether it may get tokens' })),
  role: Type.Optional(
    Type.String({ pattern: GRANT_ROLE_PATTERN, description: 'Role that it has on the whole realm' }),
  ),
  auth_method: Type.Optional(Type.Enum([...AUTH_METHODS], { description: 'By what it may authenticate' })),
  rotating: YesOrNo('Whether its secret is being rotated'),
  leaked: YesOrNo('Whether its secret was found in public and still works, or it has no other yet'),
  unused_since: Type.Optional(
    Type.String({ format: 'date-time', description: 'Neither used nor made since then' }),
  ),
})

/** @throws Refusal `invalid` */
export function readAccountFilter(query: Static<typeof AccountListQuery>): AccountFilter {
  return {
    nameContains: query.name,
    textContains: query.search,
    clientIdStart: query.client_id,
    state: query.state,
    role: query.role,
    authMethod: query.auth_method,
    isRotating: yesOrNo(query.rotating),
    isLeaked: yesOrNo(query.leaked),
    unusedSince: readMoment(query.unused_since, 'unused_since'),
  }
}

function yesOrNo(text: 'true' | 'false' | undefined): boolean | undefined {
  return text === undefined ? undefined : text === 'true'
}
