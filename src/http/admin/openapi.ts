import type {} from '@fastify/swagger'
import { type FastifyInstance, fastify, type RouteOptions } from 'fastify'
import { completeDocument } from './openapi-document.ts'
import type { ApiDocument } from './openapi-types.ts'

const INTRODUCTION = `Realms, service accounts, secrets, keys, trusted issuers, resources, grants and the audit trail.

A token administers its realm if it is for the audience that the security scheme names and its account has the role
account-admin. With the role platform-admin of realm system it administers all realms.

Every change heeds If-Match and If-None-Match and goes ahead without them; a GET heeds them too.
Unknown query parameters and members are refused. Every refusal is a Problem (RFC 9457).`

/** GET /admin/openapi.json: the admin API in OpenAPI 3.1, made from the schemas that validate requests. */
export function describeApi(app: FastifyInstance, publicUrl: string): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD' && !route.schema?.hide) routes.push(route)
  })
  let body: Promise<string> | undefined
  app.get('/admin/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    body ??= documentOf(routes, publicUrl)
    // Loading failed: the next request tries again.
    body.catch(() => (body = undefined))
    return reply.header('content-type', 'application/json; charset=utf-8').send(await body)
  })
}

// Most servers are never asked for it: its hundred modules would be a fifteenth of each start.
async function documentOf(routes: readonly RouteOptions[], publicUrl: string): Promise<string> {
  const { default: swagger } = await import('@fastify/swagger')
  const described = fastify({ exposeHeadRoutes: false })
  described.setValidatorCompiler(() => () => true).setSerializerCompiler(() => () => '')
  await described.register(swagger, { openapi: openapi(publicUrl) })
  for (const { method, url, schema = {} } of routes)
    described.route({ method, url, schema, handler: async () => undefined })
  await described.ready()
  return JSON.stringify(completeDocument(described.swagger() as unknown as ApiDocument))
}

function openapi(publicUrl: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mintmark admin API',
      version: '1',
      description: INTRODUCTION,
      contact: { name: 'The operator of this server', url: publicUrl },
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: publicUrl, description: 'This server' }],
    security: [{ bearer: [] }, { clientCredentials: [] }],
    components: { securitySchemes: securitySchemes(publicUrl) },
  }
}

function securitySchemes(publicUrl: string) {
  const endpoint = (realm: string) => `${publicUrl}/realms/${realm}/protocol/openid-connect/token`
  return {
    bearer: {
      type: 'http' as const,
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: `An access token of any realm, asked for at ${endpoint('{realm}')} with resource=${publicUrl}/admin`,
    },
    clientCredentials: {
      type: 'oauth2' as const,
      description: `For platform administrators; resource=${publicUrl}/admin is the default in realm system`,
      flows: { clientCredentials: { tokenUrl: endpoint('system'), scopes: {} } },
    },
  }
}
