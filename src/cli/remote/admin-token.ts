import { CLIENT_ASSERTION_TYPE, tokenEndpointOf } from '../../domain/client-assertion.ts'
import { adminAudienceOf, SYSTEM_REALM } from '../../domain/realm.ts'
import { Refusal } from '../../domain/refusal.ts'
import { RemoteFault, type RemoteServer } from '../remote-server.ts'

export interface SignedIn {
  readonly token: string
  /** PUBLIC_URL of the server, which issuers begin with. */
  readonly publicUrl: string
}

/** A token for the admin API, for the account of the environment. @throws Refusal, RemoteFault */
export async function askForToken(
  server: RemoteServer,
  url: string,
  env: NodeJS.ProcessEnv,
  ofCommand: string | undefined,
): Promise<SignedIn> {
  const clientId = env['MINTMARK_CLIENT_ID']
  if (!clientId)
    throw new Refusal(
      'invalid',
      '--server needs MINTMARK_CLIENT_ID, and MINTMARK_CLIENT_SECRET or MINTMARK_PRIVATE_KEY_FILE.',
    )
  const realm = env['MINTMARK_CLIENT_REALM'] ?? ofCommand ?? env['MINTMARK_REALM'] ?? SYSTEM_REALM
  const issuer = await issuerOf(server, url, realm)
  const publicUrl = issuer.slice(0, -`/realms/${realm}`.length)
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    resource: adminAudienceOf(publicUrl),
    ...(await proofOf(env, issuer, clientId)),
  })
  const { status, text } = await server.ask(tokenEndpointOf(`${url}/realms/${realm}`), {
    method: 'POST',
    form,
  })
  const body = read(text)
  if (typeof body['access_token'] === 'string') return { token: body['access_token'], publicUrl }
  const said = String(body['error_description'] ?? `status ${status}`)
  if (status === 429 || status >= 500) throw new RemoteFault(`no token from ${url}: ${said}`)
  throw new Refusal(
    'forbidden',
    `No token for ${clientId} of realm ${realm}: ${said} Check MINTMARK_CLIENT_ID, its secret or key, and MINTMARK_CLIENT_REALM.`,
  )
}

async function issuerOf(server: RemoteServer, url: string, realm: string): Promise<string> {
  const { status, text } = await server.ask(
    `${url}/realms/${encodeURIComponent(realm)}/.well-known/openid-configuration`,
  )
  const { issuer } = read(text)
  if (status === 200 && typeof issuer === 'string' && issuer.endsWith(`/realms/${realm}`)) return issuer
  if (status === 404)
    throw new Refusal('forbidden', `${url} has no realm ${realm} to sign in to: set MINTMARK_CLIENT_REALM.`)
  throw new RemoteFault(`${url} does not answer as a Mintmark server: status ${status}`)
}

async function proofOf(
  env: NodeJS.ProcessEnv,
  issuer: string,
  clientId: string,
): Promise<Record<string, string>> {
  const secret = env['MINTMARK_CLIENT_SECRET']
  const file = env['MINTMARK_PRIVATE_KEY_FILE']
  if ((secret === undefined) === (file === undefined))
    throw new Refusal('invalid', 'Set one of MINTMARK_CLIENT_SECRET and MINTMARK_PRIVATE_KEY_FILE.')
  if (secret !== undefined) return { client_secret: secret }
  const { clientAssertion } = await import('../token-request.ts')
  const assertion = await clientAssertion(file as string, env['MINTMARK_KEY_ID'], clientId, issuer)
  return { client_assertion_type: CLIENT_ASSERTION_TYPE, client_assertion: assertion }
}

function read(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
