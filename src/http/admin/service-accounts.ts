import { Refusal } from '../../domain/refusal.ts'
import type { ServiceAccountUpdate } from '../../operations/accounts/service-account-update.ts'
import type { Operations } from '../../operations/operations.ts'
import { type Static, Type } from '../../wire/json-schema.ts'
import { quotaFromWire } from '../../wire/quota.ts'
import { newCredentialsToWire, serviceAccountToWire } from '../../wire/service-account.ts'
import { warningsToWire } from '../../wire/warnings.ts'
import { AccountListQuery, readAccountFilter } from './account-filter.ts'
import { readLimits } from './account-limits.ts'
import type { AdminScope } from './admin-scope.ts'
import { actorOf } from './authentication.ts'
import { readNewKey } from './client-key-schema.ts'
import { pageToWire, readCursor } from './cursor.ts'
import { etagOf } from './etag.ts'
import { GRANTS_ROUTE } from './grant-schema.ts'
import { DEFAULT_LIMIT, InRealm, OfAccount, pageOf } from './schemas.ts'
import { NewCredentialsAnswer } from './secret-schema.ts'
import { NewServiceAccount, ServiceAccountAnswer, ServiceAccountChange } from './service-account-schema.ts'

const tags = ['Service accounts']

const READ = { 200: ServiceAccountAnswer }

/** Service accounts of a realm. */
export function serviceAccountRoutes(
  app: AdminScope,
  operations: Pick<Operations, 'accounts'>,
  publicUrl: string,
): void {
  app.get(
    '/admin/realms/:realm/service-accounts',
    {
      schema: {
        tags,
        operationId: 'listServiceAccounts',
        summary: 'List service accounts, in order of name',
        params: InRealm,
        querystring: AccountListQuery,
        response: { 200: pageOf(ServiceAccountAnswer) },
      },
    },
    async (request) => {
      const { realm } = request.params
      const { cursor, limit = DEFAULT_LIMIT } = request.query
      const page = await operations.accounts.list(actorOf(request), realm, {
        after: readCursor(cursor) ?? '',
        limit,
        ...readAccountFilter(request.query),
        signal: request.signal,
      })
      return pageToWire(page, (account) => serviceAccountToWire(account, realm))
    },
  )

  app.post(
    '/admin/realms/:realm/service-accounts',
    {
      ...GRANTS_ROUTE,
      schema: {
        tags,
        operationId: 'createServiceAccount',
        summary: 'Create a service account; its secret, if any, is shown only in this answer',
        params: InRealm,
        body: NewServiceAccount,
        response: { 201: NewCredentialsAnswer },
      },
    },
    async (request, reply) => {
      const { realm } = request.params
      const { scopes, introspects_audiences: introspectsAudiences, ...body } = request.body
      const imported = readImported(body)
      const created = await operations.accounts.create(actorOf(request), realm, {
        name: body.name,
        ...(body.description !== undefined && { description: body.description }),
        ...(body.roles && { roles: body.roles }),
        ...(scopes && { scopes }),
        ...(introspectsAudiences && { introspectsAudiences }),
        ...(imported && { imported }),
        grants: body.grants,
        claims: body.claims,
        metadata: body.metadata,
        quota: quotaFromWire(body.quota),
        authMethods: body.auth_methods,
        jwksUri: body.jwks_uri ?? undefined,
        ...readLimits(body),
        ...(body.key && { key: readNewKey(body.key, 'key.expires_at') }),
      })
      const { account } = created
      const { clientId, version } = account
      return reply
        .code(201)
        .header('location', `${publicUrl}/admin/realms/${realm}/service-accounts/${clientId}`)
        .header('etag', etagOf(version, serviceAccountToWire(account, realm)))
        .send(
          // The client knows its own secret; do not return it again.
          newCredentialsToWire({ ...created, ...(imported && { clientSecret: undefined }) }, realm),
        )
    },
  )
  oneAccountRoutes(app, operations)
}

/** One service account. */
function oneAccountRoutes(app: AdminScope, operations: Pick<Operations, 'accounts'>): void {
  app.get(
    '/admin/realms/:realm/service-accounts/:client_id',
    {
      schema: {
        tags,
        operationId: 'getServiceAccount',
        summary: 'Read a service account',
        params: OfAccount,
        response: READ,
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const account = await operations.accounts.find(actorOf(request), realm, client_id)
      const wire = serviceAccountToWire(account, realm)
      return reply.header('etag', etagOf(account.version, wire)).send(wire)
    },
  )

  app.patch(
    '/admin/realms/:realm/service-accounts/:client_id',
    {
      schema: {
        tags,
        operationId: 'updateServiceAccount',
        summary: 'Change a service account; members left out stay',
        params: OfAccount,
        body: ServiceAccountChange,
        response: READ,
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      const update = readUpdate(request.body)
      const account = await operations.accounts.update(actorOf(request), realm, client_id, update)
      const wire = serviceAccountToWire(account, realm)
      return reply
        .header('etag', etagOf(account.version, wire))
        .send({ ...wire, ...warningsToWire(account.warnings) })
    },
  )
  deleteAccountRoute(app, operations)
}

function deleteAccountRoute(app: AdminScope, operations: Pick<Operations, 'accounts'>): void {
  app.delete(
    '/admin/realms/:realm/service-accounts/:client_id',
    {
      schema: {
        tags,
        operationId: 'deleteServiceAccount',
        summary: 'Delete it; its secrets stop working at once',
        params: OfAccount,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { realm, client_id } = request.params
      await operations.accounts.delete(actorOf(request), realm, client_id)
      return reply.code(204).send(null)
    },
  )
}

function readUpdate({
  introspects_audiences: introspectsAudiences,
  auth_methods: authMethods,
  jwks_uri: jwksUri,
  quota,
  allowed_networks,
  expires_at,
  max_secret_age_seconds,
  ...update
}: Static<typeof ServiceAccountChange>): ServiceAccountUpdate {
  return {
    ...update,
    ...readLimits({ allowed_networks, expires_at, max_secret_age_seconds }),
    ...(introspectsAudiences !== undefined && { introspectsAudiences }),
    ...(authMethods !== undefined && { authMethods }),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(quota !== undefined && { quota: quotaFromWire(quota) }),
  }
}

function readImported(body: { client_id?: string; client_secret?: string }) {
  const { client_id: clientId, client_secret: clientSecret } = body
  if (clientId === undefined && clientSecret === undefined) return undefined
  if (clientId === undefined || clientSecret === undefined)
    throw new Refusal('invalid', 'client_id and client_secret go together: send both or none.', 'client_id')
  return { clientId, clientSecret }
}
