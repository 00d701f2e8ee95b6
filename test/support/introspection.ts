import type { Test } from 'tap'
import type { NewAccountWithSecret } from '../../src/operations/accounts/new-service-account.ts'
import { tokenFor } from './admin.ts'
import { PUBLIC_URL, TESTER, type TestServer, type TestServerOptions, testServer } from './server.ts'

export interface TestClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly token: string
}

export async function testClient(
  server: TestServer,
  name: string,
  realm = 'acme',
  roles = ['view'],
  more: Partial<NewAccountWithSecret> = {},
) {
  const { account, clientSecret } = await server.operations.accounts.create(TESTER, realm, {
    name,
    roles,
    ...more,
  })
  const { clientId } = account
  const issuer = `${PUBLIC_URL}/realms/${realm}`
  return { clientId, clientSecret, token: await tokenFor(server, realm, clientId, clientSecret, issuer) }
}

/** A realm with a client and a resource server. */
export async function acme(t: Test, options: TestServerOptions = {}) {
  const server = await testServer(t, options)
  await server.operations.realms.create(TESTER, 'acme')
  const client = await testClient(server, 'CI')
  const resourceServer = await testClient(server, 'resource server', 'acme', ['introspect'])
  return { server, client, resourceServer }
}

export function basic({ clientId, clientSecret }: Pick<TestClient, 'clientId' | 'clientSecret'>): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

/** POSTs a form to an endpoint of a realm. */
export function post(
  { app }: Pick<TestServer, 'app'>,
  endpoint: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
) {
  return app.inject({
    method: 'POST',
    url: `/realms/acme/protocol/openid-connect/${endpoint}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
}

/** What the resource server is told of a token, as the bytes it gets. */
export async function introspect(
  server: Pick<TestServer, 'app'>,
  resourceServer: TestClient,
  token: string,
): Promise<string> {
  const answer = await post(server, 'token/introspect', { token }, { authorization: basic(resourceServer) })
  return answer.statusCode === 200 ? answer.body : `${answer.statusCode} ${answer.body}`
}

export const INACTIVE = '{"active":false}'
