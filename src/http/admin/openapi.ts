import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'

const Problem = Type.Object({
  type: Type.String({ description: 'urn:mintmark:problem:name-taken, …: stable' }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'For people' }),
  field: Type.Optional(Type.String({ description: 'The member at fault' })),
  limit: Type.Optional(Type.Integer({ description: 'The limit that was reached' })),
})

/** GET /admin/openapi.json: the admin API in OpenAPI 3.1, made from the schemas that validate requests. */
export async function describeApi(app: FastifyInstance, publicUrl: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Mintmark admin API',
        version: '1',
        description:
          'Realms, service accounts, secrets, signing keys and the audit trail. A token for the audience ' +
          `${publicUrl}/admin of an account with the role account-admin administers its realm; one of realm ` +
          'system with the role platform-admin administers all. Every change heeds If-Match and ' +
          'If-None-Match and goes ahead without them; a GET heeds them too.',
      },
      servers: [{ url: publicUrl }],
      security: [{ clientCredentials: [] }],
      components: {
        securitySchemes: {
          clientCredentials: {
            type: 'oauth2',
            flows: {
              clientCredentials: {
                tokenUrl: `${publicUrl}/realms/system/protocol/openid-connect/token`,
                scopes: {},
              },
            },
          },
        },
      },
    },
    transform: ({ schema, url }) => ({ schema: schema.hide ? schema : withProblems(schema), url }),
  })

  let body: string | undefined
  app.get('/admin/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    body ??= JSON.stringify(app.swagger())
    return reply.header('content-type', 'application/json; charset=utf-8').send(body)
  })
}

// Every operation may be refused, in one format.
function withProblems<T extends { response?: unknown }>(schema: T): T {
  const problem = {
    description: 'Refused (RFC 9457)',
    content: { 'application/problem+json': { schema: Problem } },
  }
  return { ...schema, response: { ...(schema.response as object), '4xx': problem, '5xx': problem } }
}
