import type { Test } from 'tap'
import { TESTER, type TestServer, type TestServerOptions, testServer } from '../support/server.ts'

export const OWNER = '198.51.100.1'
export const ATTACKER = '203.0.113.9'
export const IMPORTED_SECRET = 'correct horse battery'

export const TOKEN = 'token'
export const INTROSPECTION = 'token/introspect'
export const REVOCATION = 'revoke'

export function ask(
  { app }: TestServer,
  clientId: string,
  clientSecret: string,
  address = ATTACKER,
  endpoint = TOKEN,
) {
  return app.inject({
    method: 'POST',
    url: `/realms/acme/protocol/openid-connect/${endpoint}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...(endpoint !== TOKEN && { token: 'x.y.z' }),
    }).toString(),
  })
}

export async function acme(t: Test, options: TestServerOptions = {}) {
  const server = await testServer(t, { trustProxy: 1, ...options })
  const { operations } = server
  await operations.realms.create(TESTER, 'acme')
  const generated = await operations.accounts.create(TESTER, 'acme', { name: 'generated' })
  await operations.accounts.create(TESTER, 'acme', {
    name: 'imported',
    roles: ['introspect'],
    imported: { clientId: 'legacy', clientSecret: IMPORTED_SECRET },
  })
  return { server, clientId: generated.account.clientId, clientSecret: generated.clientSecret }
}

export async function fail(
  server: TestServer,
  clientId: string,
  times: number,
  address = ATTACKER,
): Promise<void> {
  for (let i = 0; i < times; i++) await ask(server, clientId, `wrong secret ${i}`, address)
}

export async function statuses(asked: readonly Promise<{ statusCode: number }>[]): Promise<number[]> {
  return (await Promise.all(asked)).map(({ statusCode }) => statusCode)
}
