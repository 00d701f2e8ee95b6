import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseAuthorizationDetails } from '../../domain/authorization-details.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { parseScope } from '../../domain/scope.ts'
import type { AuthenticatedClient } from '../../operations/clients/authenticated-client.ts'
import type { Operations } from '../../operations/operations.ts'
import type { IssuedAccessToken } from '../../operations/tokens/access-tokens.ts'
import { NO_QUOTA, type QuotaVerdict } from '../../operations/tokens/quotas.ts'
import { clientAddress } from '../client-address.ts'
import { loggableClientId, loggableRealm, note, noteClient } from '../request-log.ts'
import { readClientCredentials } from './client-credentials.ts'
import type { OAuthForm } from './form.ts'
import { neverKept, withRateLimit } from './oauth-error-handler.ts'
import {
  ACCESS_TOKEN_TYPE,
  isPlatformGrant,
  JWT_BEARER_GRANT,
  readPlatformGrant,
  TOKEN_EXCHANGE_GRANT,
} from './platform-grant.ts'
import { answerNothing, refusedToken } from './shadow.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

type TokenRoute = { Params: { realm: string }; Body: OAuthForm }

/** The token endpoint: RFC 6749 sections 3.2 and 4.4. */
export function tokenRoute(
  app: FastifyInstance,
  operations: Pick<
    Operations,
    'clients' | 'workloads' | 'tokens' | 'publishedRealms' | 'shadow' | 'tokenCounts'
  >,
): void {
  app.post<TokenRoute>(
    '/realms/:realm/protocol/openid-connect/token',
    { errorHandler: refusedToken(operations) },
    async (request, reply) => {
      const { realm } = request.params
      const form = request.body
      note(request, { realm: loggableRealm(realm), client_id: loggableClientId(form.get('client_id')) })
      const grantType = form.get('grant_type')
      const client = await (grantType === 'client_credentials'
        ? authenticate(request, operations)
        : authenticateByGrant(request, operations, grantType))
      noteClient(request, client)
      const asked = {
        scope: parseScope(form.get('scope')),
        targets: { resources: form.resources, audience: form.get('audience') },
        details: parseAuthorizationDetails(form.get('authorization_details')),
      }
      const token = await operations.tokens.issue(
        client,
        asked,
        clientAddress(request),
        request.headers['user-agent'],
      )

      neverKept(reply)
      if (token.isShadow) return answerNothing(request, reply, 'issued')
      note(request, { outcome: 'issued' })
      if (token.quota !== NO_QUOTA) tellQuota(request, reply, token.quota)
      reply.header('content-type', JSON_TYPE)
      return answerOf(token, grantType)
    },
  )
}

/** RFC 6749 section 5.1. Written without a serializer, which looks at each character of the token: base64url needs none. */
function answerOf(
  { value, expiresInSeconds, claims }: IssuedAccessToken,
  grantType: string | undefined,
): string {
  const { scope, authorization_details, authorization_details_omitted } = claims
  const issued_token_type = grantType === TOKEN_EXCHANGE_GRANT ? ACCESS_TOKEN_TYPE : undefined
  // Members without a value are absent.
  const rest = JSON.stringify({
    scope,
    authorization_details,
    authorization_details_omitted,
    issued_token_type,
  })
  const start = `{"access_token":"${value}","token_type":"Bearer","expires_in":${expiresInSeconds},"refresh_expires_in":0,"not-before-policy":0`
  return rest === '{}' ? `${start}}` : `${start},${rest.slice(1)}`
}

function tellQuota(request: FastifyRequest, reply: FastifyReply, { state, exceeded }: QuotaVerdict): void {
  if (state) withRateLimit(reply, state)
  if (exceeded !== undefined) note(request, { quota_exceeded: exceeded })
}

function authenticate(
  request: FastifyRequest<TokenRoute>,
  { clients }: Pick<Operations, 'clients'>,
): Promise<AuthenticatedClient> {
  const credentials = readClientCredentials(request.headers.authorization, request.body)
  note(request, { client_id: loggableClientId(credentials?.clientId) })
  return clients.authenticate(request.params.realm, credentials, clientAddress(request))
}

/** The token of a workload's platform as a grant. */
async function authenticateByGrant(
  request: FastifyRequest<TokenRoute>,
  { workloads, publishedRealms }: Pick<Operations, 'workloads' | 'publishedRealms'>,
  grantType: string | undefined,
): Promise<AuthenticatedClient> {
  const { realm } = request.params
  if (isPlatformGrant(grantType)) {
    const credentials = readPlatformGrant(request.headers.authorization, request.body, grantType)
    return workloads.authenticate(realm, credentials, clientAddress(request))
  }
  await publishedRealms.find(realm)
  throw unfitGrant(grantType)
}

function unfitGrant(grantType: string | undefined): OAuthError {
  return grantType === undefined
    ? new OAuthError('invalid_request', 'grant_type is missing.')
    : new OAuthError(
        'unsupported_grant_type',
        `The grant types are client_credentials, ${JWT_BEARER_GRANT} and ${TOKEN_EXCHANGE_GRANT}.`,
      )
}
