import { ask, memberOf } from './ask.ts'
import { audiencesOf } from './claims.ts'
import { readToken } from './files.ts'
import type { Environment, PlatformRequest } from './platform-request.ts'
import { PlatformTokenError } from './platform-token-error.ts'

/** The audience of the token that AKS projects for Microsoft Entra. */
const ENTRA_EXCHANGE = 'api://AzureADTokenExchange'

/** A token of the managed identity; in AKS with workload identity, the pod's projected token. */
export async function fromAzure(request: PlatformRequest): Promise<string> {
  const { audience, isAudienceNamed, env } = request
  const federated = env['AZURE_FEDERATED_TOKEN_FILE']
  if (federated) return fromAks(federated, request)
  if (!isAudienceNamed)
    throw new PlatformTokenError(
      'Azure issues tokens for applications of the tenant alone: name the Application ID URI as audience, for example api://mintmark',
    )
  return fromManagedIdentity(audience, env)
}

// Everybody who has it is that identity at Entra: it goes only to a realm that was named to take it.
async function fromAks(path: string, { audience }: PlatformRequest): Promise<string> {
  const token = await readToken(path)
  if (audience === ENTRA_EXCHANGE || !audiencesOf(token).includes(ENTRA_EXCHANGE)) return token
  throw new PlatformTokenError(
    `the token in AZURE_FEDERATED_TOKEN_FILE is for ${ENTRA_EXCHANGE}: name that audience to send it, or project a token for this issuer and take it from kubernetes`,
  )
}

async function fromManagedIdentity(resource: string, env: Environment): Promise<string> {
  const endpoint = env['IDENTITY_ENDPOINT']
  const secret = env['IDENTITY_HEADER']
  const clientId = env['AZURE_CLIENT_ID']
  const query = new URLSearchParams({ resource, ...(clientId && { client_id: clientId }) })
  if (endpoint && secret) {
    query.set('api-version', '2019-08-01')
    return fetchToken(endpoint, query, { 'X-IDENTITY-HEADER': secret })
  }
  query.set('api-version', '2018-02-01')
  const host = env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] || 'http://169.254.169.254'
  const path = '/metadata/identity/oauth2/token'
  return fetchToken(`${host.replace(/\/+$/, '')}${path}`, query, { Metadata: 'true' })
}

async function fetchToken(
  address: string,
  query: URLSearchParams,
  headers: Record<string, string>,
): Promise<string> {
  const whom = `the identity endpoint at ${URL.canParse(address) ? new URL(address).host : 'no address'}`
  const { text } = await ask(`${address}?${query}`, { whom, headers })
  return memberOf(text, 'access_token', whom)
}
