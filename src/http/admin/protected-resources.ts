import type { FastifyReply } from 'fastify'
import {
  MAX_GROUPS,
  MAX_RESOURCE_ID_LENGTH,
  type ProtectedResource,
} from '../../domain/protected-resource.ts'
import { MAX_NAME_LENGTH } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { resourceVersion } from '../../operations/resources/protected-resources.ts'
import { Type } from '../../wire/json-schema.ts'
import { protectedResourceToWire } from '../../wire/protected-resource.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { etagOf } from './etag.ts'
import { Closed, DEFAULT_LIMIT, InRealm, Moment, named, PageQuery, pageOf, SearchText } from './schemas.ts'

const tags = ['Resources']

const Visible = (description: string) => Type.String({ pattern: '^[\\x21-\\x7e]{1,100}$', description })

export const OfResource = Type.Object({
  ...InRealm.properties,
  type: Visible('device, device_group or one that the realm adds'),
  id: Visible('Unique in its realm and type'),
})

const Groups = Type.Array(Type.String({ maxLength: MAX_RESOURCE_ID_LENGTH }), {
  maxItems: MAX_GROUPS,
  description: 'Ids of the groups it is in, which are there: of type device_group for a device',
})

const ResourceAnswer = named(
  'Resource',
  Type.Object({
    type: Type.String({ description: 'device, device_group or one that the realm adds' }),
    id: Type.String({ description: 'Unique in its realm and type' }),
    name: Type.String(),
    groups: Groups,
    created_at: Moment,
    updated_at: Moment,
  }),
)

const ResourceChange = named(
  'ResourceChange',
  Type.Object(
    {
      name: Type.Optional(Type.String({ maxLength: MAX_NAME_LENGTH, description: 'Default: the id' })),
      groups: Type.Optional(Groups),
    },
    Closed,
  ),
)

/** Devices, device groups, and resources of the realm's own types: what roles are granted on. */
export function protectedResourceRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'resources'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms/:realm/resources',
    {
      schema: {
        tags,
        operationId: 'listResources',
        summary: 'List resources, in order of type and id',
        params: InRealm,
        querystring: Type.Object({
          ...PageQuery,
          type: Type.Optional({ ...SearchText, description: 'Only resources of this type' }),
          search: Type.Optional({ ...SearchText, description: 'Part of the name or id, whatever its case' }),
        }),
        response: { 200: pageOf(ResourceAnswer) },
      },
    },
    async (request) => {
      const { cursor, limit = DEFAULT_LIMIT, type, search } = request.query
      const query = { after: readCursor(cursor), limit, type, contains: search, signal: request.signal }
      const page = await operations.resources.list(actorOf(request), request.params.realm, query)
      return pageToWire(page, protectedResourceToWire)
    },
  )

  app.get(
    '/admin/realms/:realm/resources/:type/:id',
    {
      schema: {
        tags,
        operationId: 'getResource',
        summary: 'Read a resource',
        params: OfResource,
        response: { 200: ResourceAnswer },
      },
    },
    async (request, reply) => {
      const { realm, ...key } = request.params
      return sendResource(reply, await operations.resources.find(actorOf(request), realm, key))
    },
  )
  changeRoutes(app, operations, publicUrl)
}

/** Changes of one resource. */
function changeRoutes(app: AdminScope, operations: Pick<Operations, 'resources'>, publicUrl: string): void {
  app.put(
    '/admin/realms/:realm/resources/:type/:id',
    {
      schema: {
        tags,
        operationId: 'putResource',
        summary: 'Create or replace a resource; its grants stay',
        params: OfResource,
        body: ResourceChange,
        response: { 200: ResourceAnswer, 201: ResourceAnswer },
      },
    },
    async (request, reply) => {
      const { realm, ...key } = request.params
      const entry = { ...request.body, ...key }
      const { resource, created } = await operations.resources.put(actorOf(request), realm, entry)
      if (created) reply.code(201).header('location', `${publicUrl}${request.url}`)
      return sendResource(reply, resource)
    },
  )

  app.delete(
    '/admin/realms/:realm/resources/:type/:id',
    {
      schema: {
        tags,
        operationId: 'deleteResource',
        summary: 'Delete a resource and all grants on it',
        params: OfResource,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, ...key } = request.params
      await operations.resources.delete(actorOf(request), realm, key)
      return reply.code(204).send(null)
    },
  )
}

function sendResource(reply: FastifyReply, resource: ProtectedResource): FastifyReply {
  const wire = protectedResourceToWire(resource)
  return reply.header('etag', etagOf(resourceVersion(resource), wire)).send(wire)
}
