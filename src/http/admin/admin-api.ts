import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Operations } from '../../operations/operations.ts'
import { keepWhileWorking } from '../body-time.ts'
import { answerOtherMethods } from '../other-methods.ts'
import { scope as named } from '../scope.ts'
import { accountRoleRoutes } from './account-roles.ts'
import { activityRoutes } from './activity.ts'
import type { AdminScope } from './admin-scope.ts'
import { auditEventRoutes } from './audit-events.ts'
import { requireAdministrator } from './authentication.ts'
import { clientKeyRoutes } from './client-keys.ts'
import { answerConditionally } from './etag.ts'
import { federationRoutes } from './federation.ts'
import { foreignKeyRoutes } from './foreign-keys.ts'
import { grantRoutes } from './grants.ts'
import { heedIdempotencyKeys } from './idempotency.ts'
import { acceptJson, closeQueries } from './json.ts'
import { keyRoutes } from './keys.ts'
import { describeApi } from './openapi.ts'
import { policyRoutes } from './policy.ts'
import { portalPeopleRoutes } from './portal-people.ts'
import { answerAdminError, refuseAdminMethod, sendIndex, sendNotFound } from './problem.ts'
import { protectedResourceImportRoute } from './protected-resource-import.ts'
import { protectedResourceRoutes } from './protected-resources.ts'
import { DEFAULT_RATE_LIMITS, type RateLimits } from './rate-limits.ts'
import { realmRoutes } from './realms.ts'
import { resourceGrantRoutes } from './resource-grants.ts'
import { secretRoutes } from './secrets.ts'
import { serviceAccountImportRoute } from './service-account-import.ts'
import { serviceAccountRoutes } from './service-accounts.ts'
import { shadowRoutes } from './shadow.ts'
import { tokenRoutes } from './tokens.ts'
import { trustedIssuerRoutes } from './trusted-issuers.ts'
import { webhookRoutes } from './webhooks.ts'
import { workloadIdentityRoutes } from './workload-identities.ts'

export interface AdminApiOptions {
  /** Base of Location headers. No trailing slash. */
  readonly publicUrl: string
  readonly rateLimits?: RateLimits | undefined
}

/** The admin API under /admin: a resource server of its own. */
export async function adminApi(
  app: FastifyInstance,
  operations: Operations,
  { publicUrl, rateLimits = DEFAULT_RATE_LIMITS }: AdminApiOptions,
): Promise<void> {
  acceptJson(app)
  closeQueries(app)
  keepWhileWorking(app)
  app.setErrorHandler(answerAdminError)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  answerConditionally(app)
  const endRoutes = answerOtherMethods(app, refuseAdminMethod)
  describeApi(app, publicUrl)
  const guard = async (guarded: FastifyInstance) => {
    await requireAdministrator(guarded, operations, rateLimits)
    heedIdempotencyKeys(guarded, operations)
    const scope: AdminScope = guarded.withTypeProvider<TypeBoxTypeProvider>()
    realmRoutes(scope, operations, publicUrl)
    serviceAccountRoutes(scope, operations, publicUrl)
    await serviceAccountImportRoute(scope, operations)
    secretRoutes(scope, operations, publicUrl)
    clientKeyRoutes(scope, operations, publicUrl)
    trustedIssuerRoutes(scope, operations, publicUrl)
    workloadIdentityRoutes(scope, operations, publicUrl)
    federationRoutes(scope, operations)
    accountRoleRoutes(scope, operations)
    grantRoutes(scope, operations, publicUrl)
    protectedResourceRoutes(scope, operations, publicUrl)
    resourceGrantRoutes(scope, operations)
    await protectedResourceImportRoute(scope, operations)
    tokenRoutes(scope, operations)
    activityRoutes(scope, operations)
    shadowRoutes(scope, operations)
    keyRoutes(scope, operations)
    foreignKeyRoutes(scope, operations)
    auditEventRoutes(scope, operations, publicUrl)
    policyRoutes(scope, operations)
    webhookRoutes(scope, operations, publicUrl)
    portalPeopleRoutes(scope, operations)
    guarded.route({
      method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: '/admin/*',
      schema: { hide: true },
      handler: sendNotFound,
    })
  }
  await app.register(named('administrators', guard))
  endRoutes()
  // Not below /admin/*, and the framework refuses some methods of an address without a route.
  app.route({
    method: app.supportedMethods,
    url: '/admin',
    schema: { hide: true },
    onRequest: sendIndex,
    handler: sendIndex,
  })
  const notFound = async (below: FastifyInstance) => void below.setNotFoundHandler(sendNotFound)
  await app.register(named('admin-not-found', notFound), { prefix: '/admin' })
}
