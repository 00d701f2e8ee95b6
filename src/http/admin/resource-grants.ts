import type { Operations } from '../../operations/operations.ts'
import { resourceGrantToWire } from '../../wire/grant.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { OfResource } from './protected-resources.ts'
import { DEFAULT_LIMIT, Moment, named, PageQuery, pageOf } from './schemas.ts'

const Role = '^[\\x21-\\x7e]{1,63}$'

const ResourceGrantAnswer = named(
  'ResourceGrant',
  Type.Object({
    client_id: Type.String(),
    account_name: Type.String(),
    enabled: Type.Boolean({ description: 'Whether the account may get tokens' }),
    role: Type.String(),
    type: Type.String({ description: "The resource's, or that of a group that it is in" }),
    id: Type.String({ description: "The resource's, or that of a group that it is in" }),
    created_at: Moment,
  }),
)

/** Who may do what on a resource. */
export function resourceGrantRoutes(app: AdminScope, operations: Pick<Operations, 'grants'>): void {
  app.get(
    '/admin/realms/:realm/resources/:type/:id/grants',
    {
      schema: {
        tags: ['Roles and grants'],
        operationId: 'listResourceGrants',
        summary: 'List who may do what on a resource, in order of client_id',
        description:
          'Grants on the resource and on the groups that it is in. Roles on the whole realm count too: each service ' +
          'account has its own.',
        params: OfResource,
        querystring: Type.Object({
          ...PageQuery,
          role: Type.Optional(Type.String({ pattern: Role, description: 'Grants of that role' })),
        }),
        response: { 200: pageOf(ResourceGrantAnswer) },
      },
    },
    async (request) => {
      const { realm, ...key } = request.params
      const { cursor, limit = DEFAULT_LIMIT, role } = request.query
      const query = { after: readCursor(cursor), limit, role }
      return pageToWire(
        await operations.grants.listOn(actorOf(request), realm, key, query),
        resourceGrantToWire,
      )
    },
  )
}
