import { MAX_DETAILS_BYTES } from '../../domain/authorization-details.ts'
import { MAX_GRANTS } from '../../domain/grant.ts'
import type { Operations } from '../../operations/operations.ts'
import { grantToWire } from '../../wire/grant.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { etagOf } from './etag.ts'
import { GRANTS_ROUTE, grantMembers, NewGrant } from './grant-schema.ts'
import { Closed, DEFAULT_LIMIT, Moment, named, OfAccount, PageQuery, pageOf, SearchText } from './schemas.ts'

const tags = ['Roles and grants']

const GrantAnswer = named(
  'Grant',
  Type.Object({
    ...grantMembers,
    name: Type.String({ description: "The resource's" }),
    created_at: Moment,
  }),
)

const ListQuery = Type.Object({
  ...PageQuery,
  type: Type.Optional({ ...SearchText, description: 'Resources of that type' }),
  search: Type.Optional({ ...SearchText, description: "Part of the resource's name or id" }),
})

const OfGrant = Type.Object({ ...OfAccount.properties, ...grantMembers })

/** Roles of a service account on single resources: `authorization_details` of its tokens. */
export function grantRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'grants'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/grants',
    {
      schema: {
        tags,
        operationId: 'listGrants',
        summary: 'List the grants of a service account, in order of type, id and role',
        description: `Its tokens say them in authorization_details (RFC 9396), up to ${MAX_DETAILS_BYTES} bytes.`,
        params: OfAccount,
        querystring: ListQuery,
        response: { 200: pageOf(GrantAnswer) },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const { cursor, limit = DEFAULT_LIMIT, type, search } = request.query
      const query = { after: readCursor(cursor), limit, type, contains: search }
      const page = await operations.grants.list(actorOf(request), realm, client_id, query)
      const wire = pageToWire(page, grantToWire)
      return reply.header('etag', etagOf(page.version, wire)).send(wire)
    },
  )

  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/grants',
    {
      schema: {
        tags,
        operationId: 'addGrant',
        summary: 'Grant a service account a role on a resource; 200 if it has it already',
        params: OfAccount,
        body: NewGrant,
        response: { 200: GrantAnswer, 201: GrantAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const { grant, added } = await operations.grants.add(actorOf(request), realm, client_id, request.body)
      const path = [client_id, 'grants', grant.role, grant.type, grant.id].map(encodeURIComponent).join('/')
      if (added)
        reply.code(201).header('location', `${publicUrl}/admin/realms/${realm}/service-accounts/${path}`)
      return reply.send(grantToWire(grant))
    },
  )
  grantSetRoutes(app, operations)
  removeGrantRoute(app, operations)
}

function grantSetRoutes(app: AdminScope, operations: Pick<Operations, 'grants'>): void {
  app.put(
    '/admin/realms/:realm/service-accounts/:client_id/grants',
    {
      ...GRANTS_ROUTE,
      schema: {
        tags,
        operationId: 'replaceGrants',
        summary: 'Replace the grants of a service account',
        params: OfAccount,
        body: named(
          'GrantSet',
          Type.Object({ items: Type.Array(NewGrant, { maxItems: MAX_GRANTS }) }, Closed),
        ),
        response: {
          200: named(
            'ReplacedGrants',
            Type.Object({
              added: Type.Integer({ description: 'Grants that are new' }),
              removed: Type.Integer({ description: 'Grants that are gone' }),
            }),
          ),
        },
      },
    },
    async (request) => {
      const { realm, client_id } = request.params
      return operations.grants.replace(actorOf(request), realm, client_id, request.body.items)
    },
  )
}

function removeGrantRoute(app: AdminScope, operations: Pick<Operations, 'grants'>): void {
  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id/grants/:role/:type/:id',
    {
      schema: {
        tags,
        operationId: 'removeGrant',
        summary: 'Remove a grant of a service account',
        params: OfGrant,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id, ...grant } = request.params
      await operations.grants.remove(actorOf(request), realm, client_id, grant)
      return reply.code(204).send(null)
    },
  )
}
