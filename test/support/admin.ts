import { PUBLIC_URL, TESTER, type TestServer } from './server.ts'

/** What the admin API answers. */
export interface AdminAnswer {
  readonly status: number
  readonly headers: Record<string, string | number | string[] | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape
  readonly body: any
  readonly text: string
}

export type Ask = (
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<AdminAnswer>

/** Asks the admin API with a token, or with none. */
export function asking({ app }: Pick<TestServer, 'app'>, token: string | undefined): Ask {
  return async (method, path, body, headers = {}) => {
    const answer = await app.inject({
      method,
      url: path,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const isJson =
      /json/.test(String(answer.headers['content-type'])) &&
      !/ndjson/.test(String(answer.headers['content-type']))
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: isJson ? answer.json() : undefined,
      text: answer.body,
    }
  }
}

/** A token for the admin API of a new account of a realm with these roles. */
export async function adminToken(
  { app, operations }: TestServer,
  realm: string,
  roles: readonly string[],
): Promise<{ readonly token: string; readonly clientId: string }> {
  const { account, clientSecret } = await operations.accounts.create(TESTER, realm, {
    name: `administrator ${Math.random()}`,
    roles,
  })
  return { token: await tokenFor({ app }, realm, account.clientId, clientSecret), clientId: account.clientId }
}

export async function tokenFor(
  { app }: Pick<TestServer, 'app'>,
  realm: string,
  clientId: string,
  clientSecret: string,
  resource = `${PUBLIC_URL}/admin`,
): Promise<string> {
  const answer = await app.inject({
    method: 'POST',
    url: `/realms/${realm}/protocol/openid-connect/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      resource,
    }).toString(),
  })
  if (answer.statusCode !== 200) throw new Error(`no token: ${answer.body}`)
  return answer.json().access_token
}

/** A platform administrator, and one way to ask as them. */
export async function platformAdministrator(server: TestServer): Promise<Ask> {
  await server.operations.bootstrap.createAdministrator('root', 'a secret of the platform')
  const { token } = await adminToken(server, 'system', ['platform-admin'])
  return asking(server, token)
}
