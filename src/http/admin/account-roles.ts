import type { FastifyReply } from 'fastify'
import { GRANT_ROLE_PATTERN } from '../../domain/grant.ts'
import { MAX_ROLES_OF_ACCOUNT } from '../../domain/realm-settings.ts'
import type { ServiceAccount } from '../../domain/service-account.ts'
import type { Operations } from '../../operations/operations.ts'
import { Type } from '../../wire/json-schema.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { etagOf } from './etag.ts'
import { Closed, named, OfAccount } from './schemas.ts'

const tags = ['Roles and grants']

const Role = Type.String({ pattern: GRANT_ROLE_PATTERN, description: 'view, operate, …' })

const Roles = named(
  'RoleSet',
  Type.Object({ items: Type.Array(Role, { maxItems: MAX_ROLES_OF_ACCOUNT }) }, Closed),
)

const RolesAnswer = named('RoleList', Type.Object({ ...Roles.properties, next_cursor: Type.Null() }))

/** Roles of a service account in the whole realm. */
export function accountRoleRoutes(app: AdminScope, operations: Pick<Operations, 'accounts'>): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id/roles',
    {
      schema: {
        tags,
        operationId: 'listRoles',
        summary: 'List the roles of a service account on the whole realm',
        params: OfAccount,
        response: { 200: RolesAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const account = await operations.accounts.find(actorOf(request), realm, client_id)
      return sendRoles(reply, account)
    },
  )

  app.put(
    '/admin/realms/:realm/service-accounts/:client_id/roles',
    {
      schema: {
        tags,
        operationId: 'replaceRoles',
        summary: 'Replace the roles of a service account',
        params: OfAccount,
        body: Roles,
        response: { 200: RolesAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const account = await operations.accounts.update(actorOf(request), realm, client_id, {
        roles: request.body.items,
      })
      return sendRoles(reply, account)
    },
  )
  oneRoleRoutes(app, operations)
}

/** Roles one by one. */
function oneRoleRoutes(app: AdminScope, operations: Pick<Operations, 'accounts'>): void {
  app.post(
    '/admin/realms/:realm/service-accounts/:client_id/roles',
    {
      schema: {
        tags,
        operationId: 'addRole',
        summary: 'Add a role of a service account on the whole realm; no change if it has it already',
        params: OfAccount,
        body: named('NewRole', Type.Object({ role: Role }, Closed)),
        response: { 200: RolesAnswer },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const account = await operations.accounts.addRole(actorOf(request), realm, client_id, request.body.role)
      return sendRoles(reply, account)
    },
  )

  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id/roles/:role',
    {
      schema: {
        tags,
        operationId: 'removeRole',
        summary: 'Remove a role of a service account',
        params: Type.Object({ ...OfAccount.properties, role: Role }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id, role } = request.params
      await operations.accounts.removeRole(actorOf(request), realm, client_id, role)
      return reply.code(204).send(null)
    },
  )
}

function sendRoles(reply: FastifyReply, { roles, version }: ServiceAccount) {
  const wire = { items: [...roles], next_cursor: null }
  return reply.header('etag', etagOf(version, wire)).send(wire)
}
